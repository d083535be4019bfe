/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the list of files of a plan. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../../../tests/support/suite.h"
#include "confine/confine.h"

static char folder[64], file[80];
static struct confine_plan plan = CONFINE_PLAN_INIT;
static struct vsu_error err;
static int fds;

static void setup(void)
{
	strcpy(folder, "/tmp/files.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/file", folder);
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	fds = vsu_fd_count();
}

/* Nothing stays open. */
static void teardown(void)
{
	confine_plan_end(&plan);
	ck_assert_int_eq(vsu_fd_count(), fds);
	unlink(file);
	rmdir(folder);
}

/* The descriptor of entry i, which must lead to a path without a right to read or write it. */
static void assert_entry(unsigned int i, const char *path)
{
	const int place = plan.files[i].rule.place;
	struct stat a, b;

	ck_assert_uint_gt(plan.nfiles, i);
	ck_assert_int_eq(fcntl(place, F_GETFL) & O_PATH, O_PATH);
	ck_assert_int_eq(fcntl(place, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fstat(place, &a), 0);
	ck_assert_int_eq(stat(path, &b), 0);
	ck_assert_uint_eq(a.st_ino, b.st_ino);
	ck_assert_uint_eq(a.st_dev, b.st_dev);
}

/* A FIFO that was opened would wait for its other end. */
START_TEST(file_is_found_and_not_opened)
{
	ck_assert_int_eq(confine_add_path(&plan, file, LANDLOCK_FILE, &err), 0);
	assert_entry(0, file);
	ck_assert_int_eq(plan.files[0].rule.use, LANDLOCK_FILE);
	ck_assert_str_eq(plan.files[0].name, file);
}
END_TEST

START_TEST(missing_file_is_ignored)
{
	ck_assert_int_eq(confine_add_path(&plan, "/nowhere/at/all", LANDLOCK_FILE, &err), 0);
	ck_assert_int_eq(confine_add_parent(&plan, "/nowhere/at/all", LANDLOCK_FILE, &err), 0);
	ck_assert_int_eq(confine_add(&plan, -1, "name", LANDLOCK_FILE, &err), 0);
	ck_assert_uint_eq(plan.nfiles, 0);
}
END_TEST

static const struct {
	const char *path, *parent;
} parents[] = {
	{ "name", "." }, { "/name", "/" }, { "/tmp/name", "/tmp" }, { "./name", "." },
	{ "//name", "/" }, { "/tmp//name", "/tmp" },
};

START_TEST(parent_is_the_folder_of_the_name)
{
	ck_assert_int_eq(confine_add_parent(&plan, parents[_i].path, LANDLOCK_REMOVE, &err), 0);
	ck_assert_uint_eq(plan.nfiles, 1);
	assert_entry(0, parents[_i].parent);
	ck_assert_int_eq(plan.files[0].rule.use, LANDLOCK_REMOVE);
}
END_TEST

START_TEST(name_that_no_file_can_have_is_ignored)
{
	static char name[PATH_MAX + 1];
	const size_t len = PATH_MAX - (_i ? 0 : 1);

	memset(name, '/', len - 1);
	name[len - 1] = 'x';
	ck_assert_int_eq(confine_add_parent(&plan, name, LANDLOCK_REMOVE, &err), 0);
	ck_assert_uint_eq(plan.nfiles, _i ? 0 : 1);
}
END_TEST

START_TEST(full_list_refuses_a_file_and_closes_it)
{
	unsigned int i;

	for (i = 0; i < CONFINE_FILES; i++)
		ck_assert_int_eq(confine_add_path(&plan, _i ? file : "/", LANDLOCK_READ, &err), 0);
	ck_assert_int_eq(vsu_fd_count(), fds + (int)CONFINE_FILES);
	ck_assert_int_eq(confine_add_path(&plan, file, LANDLOCK_READ, &err), -E2BIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than 256 files and folders"));
	ck_assert_int_eq(vsu_fd_count(), fds + (int)CONFINE_FILES);
	ck_assert_int_eq(confine_add(&plan, -1, NULL, LANDLOCK_READ, &err), 0);
}
END_TEST

/* In a root of files it has a name; else it is found from the host's root. */
START_TEST(own_process_can_be_read)
{
	plan.root = _i ? CONFINE_ROOT_FILES : CONFINE_ROOT_HOST;
	ck_assert_int_eq(confine_add_own(&plan, &err), 0);
	ck_assert_int_eq(confine_add_own(&plan, &err), 0);
	ck_assert_int_eq(vsu_fd_count(), fds + 3);
	assert_entry(0, "/proc/self");
	assert_entry(1, "/proc/self");
	ck_assert_int_eq(plan.files[0].rule.use, LANDLOCK_READ);
	ck_assert_int_eq(!plan.files[0].name, !_i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("files");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, file_is_found_and_not_opened);
	tcase_add_test(tc, missing_file_is_ignored);
	tcase_add_loop_test(tc, parent_is_the_folder_of_the_name, 0,
			    sizeof(parents) / sizeof(parents[0]));
	tcase_add_loop_test(tc, name_that_no_file_can_have_is_ignored, 0, 2);
	tcase_add_loop_test(tc, full_list_refuses_a_file_and_closes_it, 0, 2);
	tcase_add_loop_test(tc, own_process_can_be_read, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
