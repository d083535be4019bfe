/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Curves: how a cost grows with a number of things. A curve prints points,
 *
 *	CURVE.COST X VALUE UNIT
 *
 * one line each, where X is that number.
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include <stdint.h>

/* Measures at each of the n values of x, which increase. */
typedef void (*scale_fn)(const uint32_t *x, unsigned int n);

void scale_regions(const uint32_t *x, unsigned int n);
void scale_queues(const uint32_t *x, unsigned int n);
void scale_sessions(const uint32_t *x, unsigned int n);
void scale_connections(const uint32_t *x, unsigned int n);
void scale_mappings(const uint32_t *x, unsigned int n);
void scale_inodes(const uint32_t *x, unsigned int n);

/* Samples per point, of which the best counts: RUNS, default 5. */
unsigned int scale_runs(void);

void scale_print(const char *name, uint32_t x, double value, const char *unit);

/* Resident memory and descriptors of this process. */
struct scale_usage {
	double kib, fds;
};
struct scale_usage scale_usage(void);
/* Prints what was added since before. */
void scale_print_usage(const char *name, uint32_t x, const struct scale_usage *before);

#endif
