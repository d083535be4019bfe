/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The parts of "bench": a load, and what it measured. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

#include "bench_stats.h"

#define BENCH_MAX_DEPTH 256u

/* Requests of one size at random offsets. */
struct bench_load {
	const char *socket;
	uint32_t size;		/* of a request, bytes */
	uint32_t queues, depth;	/* requests at once on each queue */
	uint32_t writes;	/* percentage; the others read */
	uint64_t ms;		/* duration */
	uint64_t timeout_ms;	/* without a completion; 0: for ever */
};

/*
 * Runs a load once, and adds its requests and duration to s. Shows progress if
 * standard error is a terminal or the caller wants it.
 */
enum vsu_exit bench_disk(const struct bench_load *load, bool progress,
			 struct bench_stats *s, struct vsu_error *err);

/* Pseudo-random numbers, the same ones in each run. */
uint64_t bench_random(uint64_t *state);

#endif
