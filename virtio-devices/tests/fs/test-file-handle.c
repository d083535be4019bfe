/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files that are found again and not held open. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "fs-rig.h"

#define FILES 100u

static struct fs_rig r;

/* False: this user or this file system has no use of handles. */
static bool can_find(uint32_t when)
{
	struct virtdev *dev;
	int rc;

	fs_rig_folder(&r);
	r.config.file_handles = VIRTDEV_FS_HANDLES_MANDATORY;
	rc = virtdev_fs_new(&r.config, &dev, NULL);
	if (rc < 0)
		ck_assert(rc == -EPERM || rc == -EOPNOTSUPP);
	else
		virtdev_free(dev);
	r.config.file_handles = rc < 0 ? VIRTDEV_FS_HANDLES_PREFER : when;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	return rc >= 0;
}

static void make_files(void)
{
	char name[16];
	unsigned int i;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		close(openat(r.dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	}
}

static uint64_t size_of(uint64_t node, int *error)
{
	const struct fuse_getattr_in in = { 0 };
	struct fuse_attr_out out;

	*error = fs_rig_ask(&r, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	return out.attr.size;
}

START_TEST(looked_up_files_occupy_no_descriptors)
{
	const bool can = can_find(VIRTDEV_FS_HANDLES_MANDATORY);
	char name[16];
	unsigned int i;
	int before;

	make_files();
	before = vsu_fd_count();
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		fs_rig_lookup(&r, 1, name);
	}
	ck_assert_int_eq(vsu_fd_count() - before, can ? 0 : (int)FILES);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(descriptor_limit_applies_only_to_files_without_handles)
{
	const struct rlimit before = fs_rig_limit_files(256);
	const bool can = can_find(VIRTDEV_FS_HANDLES_PREFER);
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	unsigned int i;

	ck_assert_int_eq(fs_rig_lookup_new(&r, 400), can ? 0 : -ENFILE);
	/* an eighth of them are for files that are open, in any case */
	for (i = 0; i < 256 / 8; i++)
		fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	fs_rig_fini(&r);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

START_TEST(a_file_is_found_under_another_name)
{
	uint64_t file, folder;
	int error;

	can_find(VIRTDEV_FS_HANDLES_PREFER);
	file = fs_rig_lookup(&r, 1, "file");
	folder = fs_rig_lookup(&r, 1, "sub");
	ck_assert_int_eq(renameat(r.dir, "file", r.dir, "sub/other"), 0);
	ck_assert_int_eq(renameat(r.dir, "sub", r.dir, "bus"), 0);
	ck_assert_uint_eq(size_of(file, &error), 7);
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(fs_rig_lookup(&r, folder, "other"), file);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(removed_file_is_not_mistaken_for_its_successor)
{
	const bool can = can_find(VIRTDEV_FS_HANDLES_MANDATORY);
	const uint64_t old = fs_rig_lookup(&r, 1, "file");
	int error;

	ck_assert_int_eq(unlinkat(r.dir, "file", 0), 0);
	close(openat(r.dir, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "file"), old);
	size_of(old, &error);
	ck_assert_int_eq(error, can ? -ESTALE : 0);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(unlinked_file_exists_while_it_is_open)
{
	uint64_t file, fh;
	int error;

	can_find(VIRTDEV_FS_HANDLES_MANDATORY);
	file = fs_rig_lookup(&r, 1, "file");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	ck_assert_int_eq(unlinkat(r.dir, "file", 0), 0);
	ck_assert_uint_eq(size_of(file, &error), 7);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "content", 7);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(invalid_mode_of_file_handles_is_refused)
{
	struct virtdev *dev;

	fs_rig_folder(&r);
	r.config.file_handles = 3;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &dev, NULL), -EINVAL);
	r.config.file_handles = 0;
	fs_rig_make(&r, RIG_REQUESTS);
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("found");
	TCase *tc = tcase_create("found");

	tcase_add_test(tc, looked_up_files_occupy_no_descriptors);
	tcase_add_test(tc, descriptor_limit_applies_only_to_files_without_handles);
	tcase_add_test(tc, a_file_is_found_under_another_name);
	tcase_add_test(tc, removed_file_is_not_mistaken_for_its_successor);
	tcase_add_test(tc, unlinked_file_exists_while_it_is_open);
	tcase_add_test(tc, invalid_mode_of_file_handles_is_refused);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
