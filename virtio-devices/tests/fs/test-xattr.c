/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about extended attributes of files that cannot be opened. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

#define ACCESS_LIST "system.posix_acl_access"

static struct fs_rig r;

/*
 * Simulates Linux before 6.13, which lacks setxattrat() and the three calls after it.
 * Programs under qemu-user cannot install a filter, but lack the calls anyway.
 */
static void hide_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 463, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 466, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { 5, code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ||
		  errno == EINVAL);
}

static bool folder_has_lists(void)
{
	return getxattr(r.folder, ACCESS_LIST, NULL, 0) >= 0 ||
	       errno == ENODATA;
}

/* File types that cannot be opened for fgetxattr(); devices require root. */
static void make_files(void)
{
	ck_assert_int_eq(mknodat(r.dir, "fifo", S_IFIFO | 0644, 0), 0);
	ck_assert_int_eq(mknodat(r.dir, "socket", S_IFSOCK | 0644, 0), 0);
	ck_assert_int_eq(symlinkat("file", r.dir, "link"), 0);
	ck_assert(mknodat(r.dir, "null", S_IFCHR | 0644, makedev(1, 3)) == 0 ||
		  errno == EPERM);
}

static void begin(void)
{
	const struct fuse_init_in in = { .major = 7, .minor = 38,
					 .flags = FUSE_POSIX_ACL };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0),
			 0);
}

/* Each test runs twice: the second time on a kernel without the calls. */
static void make(int old_kernel)
{
	fs_rig_folder(&r);
	make_files();
	if (old_kernel)
		hide_calls();
	r.config.xattr = true;
	r.config.posix_acl = folder_has_lists();
	fs_rig_make(&r, RIG_REQUESTS);
	begin();
}

static int get(const char *file, const char *name)
{
	const struct fuse_getxattr_in in = { .size = 100 };

	return fs_rig_name(&r, FUSE_GETXATTR, fs_rig_lookup(&r, 1, file), &in,
			   sizeof(in), name);
}

static int set(const char *file, const char *name, const void *value,
	       uint32_t len)
{
	const struct fuse_setxattr_in in = { .size = len };
	const uint32_t end = (uint32_t)strlen(name) + 1;
	char text[128];

	memcpy(text, name, end);
	memcpy(text + end, value, len);
	return fs_rig_ask(&r, FUSE_SETXATTR, fs_rig_lookup(&r, 1, file), &in,
			  8, text, end + len);
}

static const char *const special[] = { "fifo", "socket", "null" };

/* Linux treats any other error as a failure and denies access to all but the owner. */
START_TEST(special_file_has_no_acl)
{
	size_t i;

	make(_i);
	for (i = 0; r.config.posix_acl && i < 3; i++)
		if (!faccessat(r.dir, special[i], F_OK, 0))
			ck_assert_int_eq(get(special[i], ACCESS_LIST), -ENODATA);
	ck_assert_int_lt(get("link", ACCESS_LIST), 0);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(acl_of_a_fifo_is_that_of_the_host)
{
	/* little-endian on every machine */
	const struct {
		uint32_t version;
		struct { uint16_t tag, rights; uint32_t id; } entries[5];
	} list = { htole32(2), {
		{ htole16(1), htole16(6), UINT32_MAX },
		{ htole16(2), htole16(4), htole32(1234) },
		{ htole16(4), htole16(4), UINT32_MAX },
		{ htole16(16), htole16(4), UINT32_MAX },
		{ htole16(32), 0, UINT32_MAX },
	} };

	make(_i);
	if (r.config.posix_acl) {
		ck_assert_int_eq(set("fifo", ACCESS_LIST, &list, sizeof(list)),
				 0);
		ck_assert_int_eq(get("fifo", ACCESS_LIST), 0);
		ck_assert_uint_eq(fs_rig_answer_len(&r), sizeof(list));
		ck_assert_mem_eq(fs_rig_answer(&r), &list, sizeof(list));
		ck_assert_uint_eq(fs_rig_stat(&r, "fifo").st_mode & 0777, 0640);
	}
	fs_rig_fini(&r);
}
END_TEST

START_TEST(attributes_of_a_symbolic_link_are_its_own)
{
	const struct fuse_getxattr_in list = { .size = 100 };
	static const char *const all[] = { "fifo", "link", "file", "sub" };
	size_t i;

	make(_i);
	for (i = 0; i < 4; i++) {
		int rc = set(all[i], "trusted.a", all[i], 3);

		if (rc == -EPERM || rc == -EOPNOTSUPP)
			continue;	/* not root, or not this file system */
		ck_assert_int_eq(rc, 0);
		ck_assert_int_eq(get(all[i], "trusted.a"), 0);
		ck_assert_mem_eq(fs_rig_answer(&r), all[i], 3);
		ck_assert_int_eq(fs_rig_ask(&r, FUSE_LISTXATTR,
					    fs_rig_lookup(&r, 1, all[i]), &list,
					    sizeof(list), NULL, 0), 0);
		ck_assert_mem_eq(fs_rig_answer(&r), "trusted.a", 10);
	}
	for (i = 0; i < 4; i++)
		if (get(all[i], "trusted.a") == 0)
			ck_assert_int_eq(fs_rig_name(&r, FUSE_REMOVEXATTR,
						     fs_rig_lookup(&r, 1, all[i]),
						     NULL, 0, "trusted.a"), 0);
	ck_assert_int_lt(get("link", "trusted.a"), 0);
	ck_assert_int_lt(get("file", "trusted.a"), 0);
	fs_rig_fini(&r);
}
END_TEST

/* Linux rejects these; the device returns the host's errors. */
START_TEST(special_file_has_no_user_attributes)
{
	int rc;

	make(_i);
	rc = set("fifo", "user.a", "x", 1);
	ck_assert(rc == -EPERM || rc == -EOPNOTSUPP);
	rc = get("fifo", "user.a");
	ck_assert(rc == -ENODATA || rc == -EOPNOTSUPP || rc == -EPERM);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(working_directory_of_the_thread_is_unchanged)
{
	char before[PATH_MAX], after[PATH_MAX];

	make(_i);
	ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
	ck_assert_int_lt(get("fifo", "trusted.none"), 0);
	ck_assert_ptr_nonnull(getcwd(after, sizeof(after)));
	ck_assert_str_eq(before, after);
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("xattr");
	TCase *tc = tcase_create("xattr");

	tcase_add_loop_test(tc, special_file_has_no_acl, 0, 2);
	tcase_add_loop_test(tc, acl_of_a_fifo_is_that_of_the_host, 0, 2);
	tcase_add_loop_test(tc, attributes_of_a_symbolic_link_are_its_own,
			    0, 2);
	tcase_add_loop_test(tc, special_file_has_no_user_attributes, 0, 2);
	tcase_add_loop_test(tc, working_directory_of_the_thread_is_unchanged,
			    0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
