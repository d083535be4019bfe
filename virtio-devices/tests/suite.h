/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How much a test program does, and the end of its main(). */
#ifndef VIRTIO_DEVICES_TESTS_SUITE_H
#define VIRTIO_DEVICES_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/*
 * Check writes and reads a note of each assertion that holds, to say after which
 * a program died. A loop's are noted once: they would be most of its time.
 */
static __thread int noted_line __attribute__((unused));
#define _mark_point(file, line) \
	(noted_line == (line) ? (void)0 \
			      : (noted_line = (line), (_mark_point)(file, line)))

/* n times the environment's TEST_SCALE (0.1 in slow builds); at least 1. */
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
