/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about when threads that close descriptors start. */
#include <config.h>

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <vmm-sys-util/attributes.h>

#include "../../tests/support/suite.h"
#include "closer.h"

#define SET 4	/* threads of one set */

static struct vsu_error err;

static int count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	ck_assert_ptr_nonnull(tasks);
	while (readdir(tasks))
		n++;
	closedir(tasks);
	return n - 2;
}

/* ThreadSanitizer starts threads of its own in each process. */
static void assert_threads(int expected)
{
	if (!VSU_THREAD_SANITIZER)
		ck_assert_int_eq(count_threads(), expected);
}

START_TEST(program_without_peers_and_files_has_no_closer_thread)
{
	ck_assert_int_eq(prog_closer_allow(&err), 0);
	assert_threads(1);
	ck_assert_ptr_null(prog_closer());
	prog_closer_end();
}
END_TEST

START_TEST(first_peer_starts_them_once)
{
	ck_assert_int_eq(prog_closer_allow(&err), 0);
	ck_assert_int_ge(prog_closer_start(&err), 0);
	assert_threads(1 + SET);
	ck_assert_int_ge(prog_closer_start(&err), 0);
	assert_threads(1 + SET);
	ck_assert_ptr_nonnull(prog_closer());
}
END_TEST

START_TEST(files_have_threads_of_their_own)
{
	struct vsu_closer *files, *again;

	ck_assert_int_eq(prog_closer_allow(&err), 0);
	ck_assert_int_ge(prog_file_closer(&files, &err), 0);
	assert_threads(1 + SET);
	ck_assert_int_ge(prog_file_closer(&again, &err), 0);
	ck_assert_ptr_eq(files, again);
	assert_threads(1 + SET);
	ck_assert_int_ge(prog_closer_start(&err), 0);
	assert_threads(1 + 2 * SET);
}
END_TEST

START_TEST(threads_of_files_wait_until_they_are_allowed)
{
	struct vsu_closer *files;

	ck_assert_int_ge(prog_file_closer(&files, &err), 0);
	assert_threads(1);
	ck_assert_int_ge(prog_closer_start(&err), 0);
	assert_threads(1 + 2 * SET);
}
END_TEST

START_TEST(exit_waits_for_files_without_a_peer)
{
	struct vsu_closer *files;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(prog_closer_allow(&err), 0);
	ck_assert_int_ge(prog_file_closer(&files, &err), 0);
	vsu_foreign_close(files, &fd);
	prog_closer_end();
	ck_assert_uint_eq(vsu_closer_waiting(files), 0);
	ck_assert_int_eq(fcntl(copy, F_GETFD), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("closer");
	TCase *tc = tcase_create("closer");

	tcase_add_test(tc, program_without_peers_and_files_has_no_closer_thread);
	tcase_add_test(tc, first_peer_starts_them_once);
	tcase_add_test(tc, files_have_threads_of_their_own);
	tcase_add_test(tc, threads_of_files_wait_until_they_are_allowed);
	tcase_add_test(tc, exit_waits_for_files_without_a_peer);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
