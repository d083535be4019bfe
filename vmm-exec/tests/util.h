/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Common part of the tests of cvmm. */
#ifndef VMM_TESTS_UTIL_H
#define VMM_TESTS_UTIL_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/error.h>

#include "suite.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The sentence is right to the letter. */
#define assert_refused(call, want_code, want_msg, err) do {		\
	vsu_error_clear(&(err));					\
	ck_assert_int_eq((call), (want_code));				\
	ck_assert_str_eq((err).msg, (want_msg));			\
} while (0)

/* Prints the plan of a test that cannot run here. */
static inline int skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return EXIT_SUCCESS;
}

#endif
