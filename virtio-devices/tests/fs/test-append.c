/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about writes that append to a file. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
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

static void check_content(const char *name, const char *content)
{
	char bytes[256];
	int fd = openat(r.dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	ck_assert_int_eq(n, (ssize_t)strlen(content));
	ck_assert_mem_eq(bytes, content, strlen(content));
}

static int write_with(uint64_t node, uint64_t fh, uint32_t flags, uint32_t write_flags,
		      const char *bytes)
{
	const struct fuse_write_in in = {
		.fh = fh, .size = (uint32_t)strlen(bytes), .flags = flags,
		.write_flags = write_flags,
	};

	return fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), bytes, in.size);
}

/* Write-back uses any handle of the file, and processes may toggle O_APPEND. */
START_TEST(write_appends_by_its_own_flag_and_not_that_of_the_handle)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR | (_i ? O_APPEND : 0));

	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "!"), 0);
	check_content("file", "content!");
	ck_assert_int_eq(write_with(file, fh, O_APPEND, FUSE_WRITE_CACHE, "CON"), 0);
	check_content("file", "CONtent!");
	ck_assert_int_eq(write_with(file, fh, 0, 0, "K"), 0);
	check_content("file", "KONtent!");
	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "?"), 0);
	check_content("file", "KONtent!?");
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
}
END_TEST

/* Fails pwritev2(): file systems may ignore its flags, which cannot be simulated. */
static void refuse_pwritev2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwritev2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { 4, code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ||
		  errno == EINVAL);
}

START_TEST(appends_without_flags_that_a_file_system_may_ignore)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_WRONLY | (_i ? O_APPEND : 0));

	refuse_pwritev2();
	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "-1"), 0);
	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "-2"), 0);
	check_content("file", "content-1-2");
}
END_TEST

START_TEST(appends_behind_what_the_host_has_appended)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_WRONLY | O_APPEND);
	int fd = openat(r.dir, "file", O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_eq(write(fd, "-host", 5), 5);
	close(fd);
	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "-guest"), 0);
	check_content("file", "content-host-guest");
}
END_TEST

/* copy_file_range() of the host refuses a destination that appends. */
START_TEST(copy_has_its_own_offset_after_an_append)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR | O_APPEND);
	const struct fuse_copy_file_range_in copy = {
		.fh_in = fh, .nodeid_out = file, .fh_out = fh, .off_in = 3, .len = 2,
	};

	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "!"), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_COPY_FILE_RANGE, file, &copy, sizeof(copy),
				    NULL, 0), 0);
	check_content("file", "tentent!");
}
END_TEST

static bool set_append_only(int fd, bool is_append_only)
{
	int flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return false;
	flags = is_append_only ? flags | FS_APPEND_FL : flags & ~FS_APPEND_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

/* As chattr +a: requires CAP_LINUX_IMMUTABLE. */
static const char *no_append_only(void)
{
	char name[] = "/tmp/test-append-XXXXXX";
	int fd = mkstemp(name);
	bool is_set = fd >= 0 && set_append_only(fd, true) && set_append_only(fd, false);

	unlink(name);
	close(fd);
	return is_set ? NULL : "files in /tmp cannot become append-only";
}

START_TEST(append_only_file_is_opened_for_appending)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int fd = openat(r.dir, "file", O_RDONLY | O_CLOEXEC);
	uint64_t fh;

	ck_assert(set_append_only(fd, true));
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_WRONLY | O_APPEND);
	ck_assert_int_eq(write_with(file, fh, O_APPEND, 0, "!"), 0);
	ck_assert_int_eq(write_with(file, fh, 0, 0, "?"), -EPERM);
	ck_assert(set_append_only(fd, false));
	close(fd);
	check_content("file", "content!");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("append");
	TCase *tc = tcase_create("append");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, write_appends_by_its_own_flag_and_not_that_of_the_handle, 0, 2);
	tcase_add_loop_test(tc, appends_without_flags_that_a_file_system_may_ignore, 0, 2);
	tcase_add_test(tc, appends_behind_what_the_host_has_appended);
	tcase_add_test(tc, copy_has_its_own_offset_after_an_append);
	tcase_add_test_unless(tc, no_append_only(), append_only_file_is_opened_for_appending);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
