/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The parts of "bench": a load, and what it measured. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

#include "bench_stats.h"

#define BENCH_MAX_DEPTH 256u
#define BENCH_MAX_SIZE (256u * 1024)
#define BENCH_NS_PER_MS UINT64_C(1000000)
#define BENCH_SEED UINT64_C(0x9e3779b97f4a7c15)
/* The floor, the back-end, and that of --against. */
#define BENCH_SERIES 3u

/* Requests of one size at random offsets. */
struct bench_load {
	const char *socket;	/* NULL: the floor */
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

/* Measures a file in memory, one request at a time. */
enum vsu_exit bench_floor(const struct bench_load *load, struct bench_stats *s,
			  struct vsu_error *err);

/* A plot with this number of rows. The owner of the stream checks it for errors. */
void bench_svg_begin(FILE *to, unsigned int rows);
void bench_svg_row(FILE *to, unsigned int index, const char *label, unsigned int series,
		   const struct bench_stats *s);
void bench_svg_end(FILE *to);

/* Pseudo-random numbers, the same ones in each run. */
uint64_t bench_random(uint64_t *state);

#endif
