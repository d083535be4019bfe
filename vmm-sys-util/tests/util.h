/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Common part of the tests of this folder: a suite whose every test is checked
 * for descriptors left open and runs in a directory of its own.
 */
#ifndef VSU_TESTS_UTIL_H
#define VSU_TESTS_UTIL_H

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

static int util_fds_before;
static char util_dir[64];

/* Current directory is an empty one; paths in tests are relative to it. */
static void util_setup(void)
{
	strcpy(util_dir, "/tmp/vsu-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(util_dir));
	ck_assert_int_eq(chdir(util_dir), 0);
	util_fds_before = vsu_fd_count();
	ck_assert_int_ge(util_fds_before, 0);
}

static void util_empty_dir(void)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove(entry->d_name);
	closedir(dir);
}

static void util_teardown(void)
{
	int fds_now = vsu_fd_count();

	util_empty_dir();
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(util_dir);
	ck_assert_msg(fds_now == util_fds_before,
		      "%d descriptors before the test, %d after",
		      util_fds_before, fds_now);
}

/* Runs a test once for each row of a table, with its index in _i. */
#define util_add_rows(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, \
			    (int)(sizeof(table) / sizeof((table)[0])))

/* A suite of one case; the caller adds tests to *tc. */
static inline Suite *util_suite(const char *name, TCase **tc)
{
	Suite *s = suite_create(name);

	*tc = tcase_create(name);
	tcase_add_checked_fixture(*tc, util_setup, util_teardown);
	tcase_set_timeout(*tc, 240);	/* only a hang takes that long */
	suite_add_tcase(s, *tc);
	return s;
}

/* In place of a test that cannot run here. */
static inline void test_nothing(int row)
{
	(void)row;
}

/* Counts a test as skipped: its name has the directive of TAP. */
static inline void tcase_add_skipped(TCase *tc, const char *file, const char *test,
				     const char *why, int start, int end)
{
	static char names[16][160];
	static unsigned int n;

	if (n == sizeof(names) / sizeof(names[0]))
		abort();
	snprintf(names[n], sizeof(names[n]), "%s # SKIP %s", test, why);
#if CHECK_MAJOR_VERSION > 0 || CHECK_MINOR_VERSION >= 13
	static TTest tests[sizeof(names) / sizeof(names[0])];

	tests[n] = (TTest){ names[n], test_nothing, file, 0 };
	_tcase_add_test(tc, &tests[n], 0, 0, start, end);
#else
	(void)file;
	_tcase_add_test(tc, test_nothing, names[n], 0, 0, start, end);
#endif
	n++;
}

/* Adds a test, unless there is a reason why it cannot run on this host; or NULL. */
#define tcase_add_loop_test_unless(tc, reason, test, start, end) do {	\
	const char *why_ = (reason);					\
									\
	if (why_)							\
		tcase_add_skipped(tc, __FILE__, #test, why_, start, end); \
	else								\
		tcase_add_loop_test(tc, test, start, end);		\
} while (0)
#define tcase_add_test_unless(tc, reason, test) \
	tcase_add_loop_test_unless(tc, reason, test, 0, 1)

/* The time limit of a test, by hand as under make, unless the environment has another. */
static void __attribute__((constructor)) set_time_limit(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "120", 0);
}

/* The report by TAP lacks the row of a loop test. */
static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	if (failed && getenv("CK_TAP_LOG_FILE_NAME"))
		srunner_print(sr, CK_NORMAL);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Leaves n more descriptors to this process; gives the limit to restore. */
static inline struct rlimit util_leave_fds(unsigned int n)
{
	struct rlimit old, limit;
	int next = dup(STDERR_FILENO);

	ck_assert_int_ge(next, 0);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)next + n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return old;
}

/* Interrupts system calls (no SA_RESTART) every millisecond with handler. */
static inline void util_interrupt(void (*handler)(int))
{
	struct sigaction act = { .sa_handler = handler };
	struct itimerval each = { { 0, handler == SIG_IGN ? 0 : 1000 },
				  { 0, handler == SIG_IGN ? 0 : 1000 } };

	ck_assert_int_eq(sigaction(SIGALRM, &act, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &each, NULL), 0);
}

#endif
