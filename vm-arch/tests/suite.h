/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The scale of long tests, and the end of main() of every test program. */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Check writes a note of each assertion that holds, to report after which line
 * a program died. Note a line only once, because notes take most of the time of
 * a loop.
 */
static __thread int noted_line __attribute__((unused));
#define _mark_point(file, line) \
	(noted_line == (line) ? (void)0 \
			      : (noted_line = (line), (_mark_point)(file, line)))

/* n times TEST_SCALE of the environment (0.1 in slow builds); at least 1. */
static inline unsigned int scaled(unsigned int n)
{
	const char *text = getenv("TEST_SCALE");
	const double scale = text ? strtod(text, NULL) : 1;

	if (!(scale > 0 && scale < 1))
		return n;
	return n * scale > 1 ? (unsigned int)(n * scale) : 1;
}

/* The row of a table that a loop within a test has reached, or -1. */
static int current_row __attribute__((unused)) = -1;

/* A loop over a table of n rows, whose number a failure reports. */
#define for_rows(i, n) \
	for ((i) = 0; (current_row = (i) < (n) ? (int)(i) : -1) >= 0; (i)++)

#define _ck_assert_failed(...) \
	((void)(current_row < 0 || dprintf(STDOUT_FILENO, "# row %d\n", current_row) < 0), \
	 (_ck_assert_failed)(__VA_ARGS__))

/* In place of a test that cannot run here. */
static inline void test_nothing(int row)
{
	(void)row;
}

/* Counts a test as skipped: its name has the directive of TAP. */
static inline void tcase_add_skipped(TCase *tc, const char *file, const char *test,
				     const char *why, int start, int end)
{
	static char names[64][256];
	static unsigned int n;

	if (n == sizeof(names) / sizeof(names[0]))
		abort();
	snprintf(names[n], sizeof(names[n]), "%s # SKIP %.100s", test, why);
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

#endif
