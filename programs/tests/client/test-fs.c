/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the session with a file system: requests that wait for their replies. */
#include <config.h>

#include <linux/fuse.h>

#include <virtio-devices/fs.h>

#include "../../../tests/support/suite.h"
#include "client/fs.h"
#include "rig.h"

static struct fs fs;

/* The folder of the image is shared. */
static int make_fs(struct virtdev **out)
{
	const struct virtdev_fs_config config = {
		.size = sizeof(config), .path = folder, .tag = "shared", .queues = 1,
	};

	return virtdev_fs_new(&config, out, &err);
}

static void fs_setup(void)
{
	const struct fs_plan plan = { .queues = 1, .slots = 2, .in_room = 512, .out_room = 8192 };
	const struct fuse_init_in init = { .major = FUSE_KERNEL_VERSION, .minor = 31 };
	enum vsu_exit status;

	setup();
	make_device = make_fs;
	server_start();
	fs = (struct fs){ .timeout_ms = 30000 };
	do
		status = queues_open(&fs.q, path, 0, 0, &err);
	while (status != VSU_EXIT_OK && server_starts());
	ck_assert_msg(status == VSU_EXIT_OK, "%s", err.msg);
	ck_assert_int_eq(fs_start(&fs, &plan, &err), VSU_EXIT_OK);
	ck_assert_int_eq(fs_ask(&fs, FUSE_INIT, 0, &init, sizeof(init),
				sizeof(struct fuse_init_out), &err), VSU_EXIT_OK);
}

static void fs_teardown(void)
{
	queues_close(&fs.q, true);
	teardown();
}

START_TEST(a_file_is_found_opened_and_read)
{
	struct fuse_read_in read = { .size = BLOCK };
	uint64_t node = FUSE_ROOT_ID;

	ck_assert_int_eq(fs_find_name(&fs, &node, "image", &err), VSU_EXIT_OK);
	ck_assert_uint_ne(node, FUSE_ROOT_ID);
	ck_assert_int_eq(fs_open(&fs, FUSE_OPEN, node, &read.fh, &err), VSU_EXIT_OK);
	ck_assert_int_eq(fs_ask(&fs, FUSE_READ, node, &read, sizeof(read), BLOCK, &err),
			 VSU_EXIT_OK);
	ck_assert_uint_eq(fs.answer_len, BLOCK);
}
END_TEST

START_TEST(the_error_of_the_device_is_kept_until_the_next_reply)
{
	const uint64_t root = FUSE_ROOT_ID;
	uint64_t node = root, handle;

	ck_assert_int_eq(fs_find_name(&fs, &node, "none", &err), VSU_EXIT_FAIL);
	ck_assert_int_eq(fs.error, -ENOENT);
	ck_assert_uint_eq(node, root);
	ck_assert_ptr_nonnull(strstr(err.msg, "FUSE request LOOKUP"));
	ck_assert_int_eq(fs_open(&fs, FUSE_OPENDIR, root, &handle, &err), VSU_EXIT_OK);
	ck_assert_int_eq(fs.error, 0);
}
END_TEST

START_TEST(a_request_without_a_name_is_reported_by_its_number)
{
	ck_assert_int_eq(fs_ask(&fs, 4095, FUSE_ROOT_ID, "", 1, 64, &err), VSU_EXIT_FAIL);
	ck_assert_int_eq(fs.error, -ENOSYS);
	ck_assert_ptr_nonnull(strstr(err.msg, "FUSE request 4095"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs");
	TCase *tc = tcase_create("fs");

	tcase_add_checked_fixture(tc, fs_setup, fs_teardown);
	tcase_add_test(tc, a_file_is_found_opened_and_read);
	tcase_add_test(tc, the_error_of_the_device_is_kept_until_the_next_reply);
	tcase_add_test(tc, a_request_without_a_name_is_reported_by_its_number);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
