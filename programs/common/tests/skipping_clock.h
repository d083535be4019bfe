/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A clock that skips time, so that a long limit passes without a wait. For a test that is
 * linked with --wrap=vsu_now_ns.
 */
#ifndef CVMM_TESTS_CLI_SKIPPING_CLOCK_H
#define CVMM_TESTS_CLI_SKIPPING_CLOCK_H

#include <stdint.h>

static uint64_t skipped_ns;	/* of the time between two readings of the clock */

/* Used: with LTO, gcc does not see that the linker will refer to it. */
uint64_t __real_vsu_now_ns(void);
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	static uint64_t skipped;

	skipped += skipped_ns;
	return __real_vsu_now_ns() + skipped;
}

#endif
