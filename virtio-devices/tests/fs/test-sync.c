/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about requests to write files to stable storage. */
#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;
static unsigned int syncs;

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);

int __wrap_fsync(int fd)
{
	syncs++;
	return fd < 0 ? -1 : 0;
}

int __wrap_fdatasync(int fd)
{
	return __wrap_fsync(fd);
}

int __wrap_syncfs(int fd)
{
	return __wrap_fsync(fd);
}

static void setup(bool read_only)
{
	syncs = 0;
	fs_rig_folder(&r);
	r.config.read_only = read_only;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void sync_all(void)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct fuse_fsync_in in = { .fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY) };
	const struct fuse_fsync_in folder = { .fh = fs_rig_open(&r, FUSE_OPENDIR, 1, 0) };
	const uint64_t padding = 0;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FSYNC, file, &in, sizeof(in), NULL, 0), 0);
	in.fsync_flags = FUSE_FSYNC_FDATASYNC;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FSYNC, file, &in, sizeof(in), NULL, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FSYNCDIR, 1, &folder, sizeof(folder), NULL, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SYNCFS, 1, &padding, sizeof(padding), NULL, 0), 0);
}

/* The guest wrote nothing; the host's own writes are not the guest's to flush. */
START_TEST(guest_of_a_read_only_folder_cannot_make_the_host_write)
{
	setup(true);
	sync_all();
	ck_assert_uint_eq(syncs, 0);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(files_of_a_writable_folder_are_written_even_by_handles_for_reading)
{
	setup(false);
	sync_all();
	ck_assert_uint_eq(syncs, 4);
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sync");
	TCase *tc = tcase_create("sync");

	tcase_add_test(tc, guest_of_a_read_only_folder_cannot_make_the_host_write);
	tcase_add_test(tc, files_of_a_writable_folder_are_written_even_by_handles_for_reading);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
