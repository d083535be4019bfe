/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files of a folder whose symbolic links are not trusted. */
#include <config.h>

#include <stdint.h>
#include <sys/syscall.h>

#include "../suite.h"
#include "initrd/folder_file.h"
#include "../tree.h"

static bool has_no_openat2;
static int folder;

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == 437 && has_no_openat2) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

/* The folder is "kernel" of the tree; "secret" is beside it. */
static void setup(void)
{
	char path[256];

	tree_make();
	snprintf(path, sizeof(path), "%s/kernel/sub", tree);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	tree_text("secret", "of the user");
	tree_text("kernel/a.ko", "module");
	tree_text("kernel/sub/b.ko", "module");
	snprintf(path, sizeof(path), "%s/kernel", tree);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	has_no_openat2 = false;
}

static void after(void)
{
	close(folder);
	tree_remove();
}

static void put_link(const char *name, const char *target)
{
	ck_assert_int_eq(symlinkat(target, folder, name), 0);
}

static int open_file(const char *path)
{
	int fd = vagent_priv_folder_file_open(folder, path);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* The path of a link of each kind that leaves the folder. */
static const struct {
	const char *name, *target, *path;
} leaving[] = {
	{ "x.ko", "../secret", "x.ko" },
	{ "x.ko", "sub/../../secret", "x.ko" },
	{ "x.ko", "/etc/passwd", "x.ko" },
	{ "up", "..", "up/secret" },
	{ "root", "/", "root/etc/passwd" },
	{ "x.ko", "/proc/self/cwd", "x.ko" },
};

START_TEST(d2_31_link_does_not_leave_the_folder)
{
	put_link(leaving[_i].name, leaving[_i].target);
	ck_assert_int_eq(open_file(leaving[_i].path), -EXDEV);
}
END_TEST

START_TEST(d2_31_link_is_not_followed_without_openat2)
{
	has_no_openat2 = true;
	put_link(leaving[_i].name, leaving[_i].target);
	ck_assert_int_eq(open_file(leaving[_i].path), -ELOOP);
}
END_TEST

/* Each step of a chain counts. */
START_TEST(d2_31_chain_of_links_does_not_leave_the_folder)
{
	put_link("one.ko", "sub/two.ko");
	put_link("sub/two.ko", "../three.ko");
	put_link("three.ko", "../secret");
	ck_assert_int_eq(open_file("one.ko"), -EXDEV);
}
END_TEST

START_TEST(link_in_the_folder_is_followed)
{
	put_link("sub/x.ko", "../a.ko");
	ck_assert_int_eq(open_file("sub/x.ko"), 0);
}
END_TEST

START_TEST(file_is_opened)
{
	has_no_openat2 = _i;
	ck_assert_int_eq(open_file("a.ko"), 0);
	ck_assert_int_eq(open_file("sub/b.ko"), 0);
	ck_assert_int_eq(open_file("sub/absent.ko"), -ENOENT);
	ck_assert_int_eq(open_file("absent/b.ko"), -ENOENT);
}
END_TEST

/* Distributions have links from a kernel's folder to another one's. */
START_TEST(folders_of_the_host_are_known_by_their_path)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/usr/lib/modules", tree);
	ck_assert(!vagent_priv_folder_is_of_host(path));
	ck_assert(!vagent_priv_folder_is_of_host(tree));
	ck_assert(!vagent_priv_folder_is_of_host("/usr/lib/modules/../../../etc"));
}
END_TEST

int main(void)
{
	const int nleaving = sizeof(leaving) / sizeof(leaving[0]);
	Suite *s = suite_create("folder_file");
	TCase *tc = tcase_create("folder_file");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_loop_test(tc, d2_31_link_does_not_leave_the_folder, 0, nleaving);
	tcase_add_loop_test(tc, d2_31_link_is_not_followed_without_openat2, 0, nleaving);
	tcase_add_test(tc, d2_31_chain_of_links_does_not_leave_the_folder);
	tcase_add_test(tc, link_in_the_folder_is_followed);
	tcase_add_loop_test(tc, file_is_opened, 0, 2);
	tcase_add_test(tc, folders_of_the_host_are_known_by_their_path);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
