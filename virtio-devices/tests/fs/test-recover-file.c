/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the recovery file, and other processes that change it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../folder.h"
#include "../image.h"
#include "../suite.h"
#include "fs-rig.h"

#define AGREED 64u		/* offset of the negotiated flags */
#define INODES 1024u		/* the first 200 or so are allocated initially */

static struct fs_rig r;
static char place[64], path[80];

static void setup(void)
{
	struct vmem_sigbus *table;

	strcpy(place, "/tmp/test-table-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/table", place);
	table = handled_table();
	fs_rig_folder(&r);
	r.config.recover = path;
	r.config.inodes = INODES;
	r.config.handles = 8;
	r.config.sigbus = table;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown(void)
{
	fs_rig_fini(&r);
	folder_remove(place);
}

/* Creates a device with the file; returns its error. */
static int refused(struct vsu_error *err)
{
	int rc;

	virtdev_queue_stop(r.dev, r.queue);
	virtdev_free(r.dev);
	rc = virtdev_fs_new(&r.config, &r.dev, err);
	r.config.recover = NULL;
	if (rc < 0)
		ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	return rc;
}

static const off_t cuts[] = { 0, 63, 4096, 8192 };
#define CUTS ((int)(sizeof(cuts) / sizeof(*cuts)))

START_TEST(d1_22_a_table_that_is_cut_is_an_error_and_the_guest_goes_on)
{
	const struct fuse_mkdir_in made = { .mode = 0755 };
	struct vsu_error err = VSU_ERROR_INIT;
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(virtdev_fs_check(r.dev, &err), 0);
	ck_assert_int_eq(truncate(path, cuts[_i]), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &made, sizeof(made), "made"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	ck_assert_int_eq(virtdev_fs_check(r.dev, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "(recover) was truncated"));
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "made"), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_RMDIR, 1, NULL, 0, "made"), 0);
	virtdev_reset(r.dev);
}
END_TEST

/* Allocating more records would extend the file and hide the truncation. */
START_TEST(d1_22_a_table_that_is_cut_does_not_grow_again)
{
	uint64_t first;

	ck_assert_int_eq(truncate(path, 0), 0);
	first = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(fs_rig_lookup_new(&r, INODES / 2), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, first), 0);
	ck_assert_int_eq(virtdev_fs_check(r.dev, NULL), -EIO);
	ck_assert_uint_eq(fs_rig_stat(&r, "file").st_size, 7);
}
END_TEST

START_TEST(a_link_to_a_table_is_said_to_be_one)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char link[100];

	snprintf(link, sizeof(link), "%s/link", place);
	ck_assert_int_eq(symlink(path, link), 0);
	r.config.recover = link;
	ck_assert_int_eq(refused(&err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "/link' (recover) is a symbolic link"));
}
END_TEST

START_TEST(a_table_that_is_damaged_is_named)
{
	const uint64_t agreed[] = { 1, UINT64_C(0x8000000000000000) | UINT64_C(1) << 62 };
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, &agreed[_i], sizeof(*agreed), AGREED), 8);
	close(fd);
	ck_assert_int_lt(refused(&err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/table' (recover)"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("table");
	TCase *tc = tcase_create("table");

	tcase_add_checked_fixture(tc, setup, teardown);
	if (!under_valgrind()) {	/* valgrind resumes after a fault with other registers */
		tcase_add_loop_test(tc, d1_22_a_table_that_is_cut_is_an_error_and_the_guest_goes_on,
				    0, CUTS);
		tcase_add_test(tc, d1_22_a_table_that_is_cut_does_not_grow_again);
	}
	tcase_add_test(tc, a_link_to_a_table_is_said_to_be_one);
	tcase_add_loop_test(tc, a_table_that_is_damaged_is_named, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
