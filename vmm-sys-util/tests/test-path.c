/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about paths that other users can redirect, and a rename that replaces nothing. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vmm-sys-util/path.h>

#include "util.h"

#define OTHER 12345u

static char top[] = "/tmp/test-trusted-XXXXXX";
static struct vsu_error err;
static bool without_flags;	/* as on NFS */

int __real_renameat2(int from, const char *old, int to, const char *new, unsigned int flags);
int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned int flags);

int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned int flags)
{
	errno = EINVAL;
	return without_flags && flags ? -1 : __real_renameat2(from, old, to, new, flags);
}

static const char *at(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int n;

	n = (n + 1) % 4;
	snprintf(paths[n], sizeof(paths[n]), "%s/%s", top, name);
	return paths[n];
}

/* "a/b/file", and "link" to a/b */
static void setup(void)
{
	without_flags = false;
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(mkdir(at("a"), 0755), 0);
	ck_assert_int_eq(chmod(at("a"), 0755), 0);
	ck_assert_int_eq(mkdir(at("a/b"), 0755), 0);
	ck_assert_int_eq(symlink("a/b", at("link")), 0);
	ck_assert_int_eq(symlink("../link/file", at("a/second")), 0);
}

static void after(void)
{
	unlink(at("link"));
	unlink(at("a/second"));
	rmdir(at("a/b"));
	rmdir(at("a"));
	rmdir(top);
}

static const struct {
	mode_t mode;
	bool own_group;		/* it has the number of the owner */
	int rc;
} modes[] = {
	{ 0755, false, 0 }, { 0700, false, 0 }, { 0777, true, -EPERM }, { 01777, false, 0 }, { 0757, true, -EPERM },
	{ 0775, false, -EPERM }, { 01775, false, 0 },
};

START_TEST(folder_that_others_write_to_is_refused)
{
	const uid_t uid = getuid();

	ck_assert_int_eq(chown(at("a"), uid, modes[_i].own_group ? uid : uid + 1), 0);
	ck_assert_int_eq(chmod(at("a"), modes[_i].mode), 0);
	ck_assert_int_eq(vsu_path_check_above(at("a/b/file"), &err), modes[_i].rc);
	/* the name itself is not checked */
	ck_assert_int_eq(vsu_path_check_above(at("a"), &err), 0);
}
END_TEST

/* By the owner, whose group has its number. */
static int check_own(uid_t owner)
{
	int rc;

	ck_assert_int_eq(chmod(top, 0755), 0);
	ck_assert_int_eq(chown(at("a"), owner, owner), 0);
	ck_assert_int_eq(seteuid(owner), 0);
	rc = vsu_path_check_above(at("a/b/file"), &err);
	ck_assert_int_eq(seteuid(getuid()), 0);
	return rc;
}

START_TEST(own_group_of_a_user_may_write)
{
	ck_assert_int_eq(chmod(at("a"), 0775), 0);
	ck_assert_int_eq(check_own(OTHER), 0);
}
END_TEST

START_TEST(group_of_root_may_not_write)
{
	ck_assert_int_eq(chmod(at("a"), 0775), 0);
	ck_assert_int_eq(check_own(0), -EPERM);
}
END_TEST

/* "user::rwx,user:12345:rwx,group::r-x,mask::rwx,other::r-x" */
static int set_list(const char *path)
{
	static const unsigned char list[] = {
		2, 0, 0, 0,
		1, 0, 7, 0, 255, 255, 255, 255,
		2, 0, 7, 0, OTHER & 0xff, OTHER >> 8, 0, 0,
		4, 0, 5, 0, 255, 255, 255, 255,
		16, 0, 7, 0, 255, 255, 255, 255,
		32, 0, 5, 0, 255, 255, 255, 255,
	};

	return setxattr(path, "system.posix_acl_access", list, sizeof(list), 0);
}

static bool lists_are_supported(void)
{
	char folder[] = "/tmp/test-lists-XXXXXX";
	const bool made = mkdtemp(folder) != NULL, set = made && !set_list(folder);

	if (made)
		rmdir(folder);
	return set;
}

/* Its mode is that of a folder of the owner's group. */
START_TEST(folder_with_a_list_of_writers_is_refused)
{
	const uid_t owner = getuid() ? getuid() : OTHER;
	struct stat st;

	ck_assert_int_eq(set_list(at("a")), 0);
	ck_assert_int_eq(stat(at("a"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0775);
	ck_assert_int_eq(check_own(owner), -EPERM);
	ck_assert_int_eq(chmod(at("a"), 0755), 0);
	ck_assert_int_eq(check_own(owner), 0);
}
END_TEST

START_TEST(folder_of_another_user_is_refused)
{
	ck_assert_int_eq(chown(at("a"), OTHER, OTHER), 0);
	ck_assert_int_eq(vsu_path_check_above(at("a/b/file"), &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "/a' belongs to another user"));
}
END_TEST

/* The path, a relative one too, and what the links name */
START_TEST(link_of_another_user_is_refused)
{
	ck_assert_int_eq(vsu_path_check_links(at("a/second"), &err), 0);
	ck_assert_int_eq(vsu_path_check_links(at("link/absent"), &err), 0);
	ck_assert_int_eq(lchown(at("link"), OTHER, OTHER), 0);
	ck_assert_int_eq(vsu_path_check_links(at("link/absent"), &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "/link' is a symbolic link of another user"));
	ck_assert_int_eq(vsu_path_check_links(at("a/second"), &err), -EPERM);
	ck_assert_int_eq(vsu_path_check_links(at("a/b"), &err), 0);
	ck_assert_int_eq(chdir(top), 0);
	ck_assert_int_eq(vsu_path_check_links("link/absent", &err), -EPERM);
	ck_assert_int_eq(vsu_path_check_links("a/b/absent", &err), 0);
}
END_TEST

START_TEST(link_to_itself_is_an_error)
{
	unlink(at("link"));
	ck_assert_int_eq(symlink("link", at("link")), 0);
	ck_assert_int_eq(vsu_path_check_links(at("link"), &err), -ELOOP);
}
END_TEST

START_TEST(rename_does_not_replace_a_name)
{
	without_flags = _i;
	ck_assert_int_eq(mkdir(at("new"), 0755), 0);
	ck_assert_int_eq(vsu_path_rename_new(at("new"), at("a")), -EEXIST);
	ck_assert_int_eq(vsu_path_rename_new(at("new"), at("a/b/new")), 0);
	ck_assert_int_eq(rmdir(at("a/b/new")), 0);
	ck_assert_int_eq(vsu_path_rename_new(at("new"), at("other")), -ENOENT);
}
END_TEST

int main(void)
{
	const char *why = getuid() ? "only root makes files of other users" : NULL;
	Suite *s = suite_create("path");
	TCase *t = tcase_create("path");

	tcase_add_checked_fixture(t, setup, after);
	tcase_add_loop_test_unless(t, why, folder_that_others_write_to_is_refused, 0, sizeof(modes) / sizeof(modes[0]));
	tcase_add_test_unless(t, why, own_group_of_a_user_may_write);
	tcase_add_test_unless(t, why, group_of_root_may_not_write);
	tcase_add_test_unless(t, lists_are_supported() ? NULL : "this file system has no access lists", folder_with_a_list_of_writers_is_refused);
	tcase_add_test_unless(t, why, folder_of_another_user_is_refused);
	tcase_add_test_unless(t, why, link_of_another_user_is_refused);
	tcase_add_test(t, link_to_itself_is_an_error);
	tcase_add_loop_test(t, rename_does_not_replace_a_name, 0, 2);
	suite_add_tcase(s, t);
	return run_suite(s);
}
