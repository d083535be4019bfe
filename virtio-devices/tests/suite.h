/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The scale of long tests, and the end of main() of every test program. */
#ifndef VIRTIO_DEVICES_TESTS_SUITE_H
#define VIRTIO_DEVICES_TESTS_SUITE_H

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

/* n times TEST_SCALE of the environment (0.1 in slow builds); at least 1. */
static inline unsigned int scaled(unsigned int n)
{
	const char *text = getenv("TEST_SCALE");
	double scale = text ? strtod(text, NULL) : 1;

	if (!(scale > 0 && scale < 1))
		return n;
	return n * scale > 1 ? (unsigned int)(n * scale) : 1;
}

static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
