/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The end of main() of every test program. */
#ifndef VHOST_TESTS_SUITE_H
#define VHOST_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/*
 * Check writes a note of each assertion that holds, to report after which line
 * a program died. Note a line only once, because notes take most of the time of
 * a loop.
 */
static __thread int noted_line __attribute__((unused));
#define _mark_point(file, line) \
	(noted_line == (line) ? (void)0 \
			      : (noted_line = (line), (_mark_point)(file, line)))

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
