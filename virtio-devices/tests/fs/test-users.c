/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about users of the guest: what they may, and what is theirs. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;

static void setup(void)
{
	fs_rig_init(&r);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static uint32_t mode_of(const char *name)
{
	return fs_rig_stat(&r, name).st_mode & 07777;
}

/* ---------------------------------------------------------------- SUID and SGID */

static void set_mode(mode_t mode)
{
	ck_assert_int_eq(fchmodat(r.dir, "file", mode, 0), 0);
}

static bool has_fsetid(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
	return sets[0].effective >> CAP_FSETID & 1;
}

static void write_as(uint64_t node, uint64_t fh, uint32_t flags)
{
	const struct fuse_write_in in = { .fh = fh, .size = 1,
					  .write_flags = flags };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), "x",
				    1), 0);
}

static void cut_as(uint64_t node, uint32_t flags)
{
	const struct fuse_setattr_in in = { .valid = FATTR_SIZE | flags };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in),
				    NULL, 0), 0);
}

static void open_as(uint64_t node, uint32_t flags)
{
	const struct fuse_open_in in = { .flags = O_WRONLY | O_TRUNC,
					 .open_flags = flags };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, node, &in, sizeof(in), NULL,
				    0), 0);
}

static void create_as(uint32_t flags)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_TRUNC,
					   .open_flags = flags };

	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in),
				     "file"), 0);
}

START_TEST(who_may_not_keep_suid_takes_it_with_each_change_of_a_file)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	const bool fsetid = has_fsetid();

	set_mode(06777);
	write_as(file, fh, FUSE_WRITE_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0777);
	set_mode(06777);
	cut_as(file, FATTR_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0777);
	set_mode(04755);
	open_as(file, FUSE_OPEN_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0755);
	set_mode(04755);
	create_as(FUSE_OPEN_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0755);
	ck_assert_int_eq(has_fsetid(), fsetid);
}
END_TEST

START_TEST(who_may_keep_suid_keeps_it)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);

	if (!has_fsetid())
		return;		/* the host takes it from whoever we are */
	set_mode(06777);
	write_as(file, fh, 0);
	cut_as(file, 0);
	open_as(file, 0);
	create_as(0);
	ck_assert_uint_eq(mode_of("file"), 06777);
	/* locks of the kind that is asked for by SGID are no right of anybody */
	set_mode(02767);
	write_as(file, fh, FUSE_WRITE_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 02767);
}
END_TEST

START_TEST(room_and_copies_take_suid_when_a_user_asks)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	const struct fuse_fallocate_in more = { .fh = fh, .length = 100 };
	const struct fuse_copy_file_range_in copy = {
		.fh_in = fh, .nodeid_out = file, .fh_out = fh, .off_out = 200,
		.len = 7,
	};

	r.uid = 1234;
	set_mode(06777);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FALLOCATE, file, &more,
				    sizeof(more), NULL, 0), 0);
	ck_assert_uint_eq(mode_of("file"), 0777);
	set_mode(06777);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_COPY_FILE_RANGE, file, &copy,
				    sizeof(copy), NULL, 0), 0);
	ck_assert_uint_eq(mode_of("file"), 0777);
}
END_TEST

START_TEST(a_new_owner_takes_suid)
{
	const struct fuse_setattr_in in = {
		.valid = FATTR_GID | FATTR_KILL_SUIDGID, .gid = getgid(),
	};
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	set_mode(06755);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, file, &in, sizeof(in),
				    NULL, 0), 0);
	ck_assert_uint_eq(mode_of("file"), 0755);
}
END_TEST

static uint64_t agreed(uint64_t flags)
{
	const struct fuse_init_in in = {
		.major = 7, .minor = 38, .flags = (uint32_t)flags,
		.flags2 = (uint32_t)(flags >> 32),
	};
	struct fuse_init_out out;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0),
			 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	return out.flags | (uint64_t)out.flags2 << 32;
}

START_TEST(a_driver_with_a_window_takes_suid_itself)
{
	const uint64_t both = FUSE_HANDLE_KILLPRIV_V2 | FUSE_ATOMIC_O_TRUNC;

	fs_rig_folder(&r);
	r.config.window = VIRTDEV_FS_WINDOW_ALIGN;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_uint_eq(agreed(both | FUSE_MAP_ALIGNMENT),
			  FUSE_MAP_ALIGNMENT);
	ck_assert_uint_eq(agreed(both), both);
	teardown();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("users");
	TCase *tc = tcase_create("users"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, who_may_not_keep_suid_takes_it_with_each_change_of_a_file);
	tcase_add_test(tc, who_may_keep_suid_keeps_it);
	tcase_add_test(tc, room_and_copies_take_suid_when_a_user_asks);
	tcase_add_test(tc, a_new_owner_takes_suid);
	tcase_add_test(alone, a_driver_with_a_window_takes_suid_itself);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
