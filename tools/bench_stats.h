/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Times of requests, counted in a histogram whose steps are 1/32 of the time. */
#ifndef TOOLS_BENCH_STATS_H
#define TOOLS_BENCH_STATS_H

#include <stdint.h>

#define BENCH_STEPS 32u
/* Exact up to 31 ns, and 59 powers of two from there to 2^64. */
#define BENCH_BUCKETS (60u * BENCH_STEPS)

struct bench_stats {
	uint64_t requests;	/* completed */
	uint64_t lost;
	uint64_t ns;		/* duration of the load, set by its owner */
	uint64_t buckets[BENCH_BUCKETS];
};

void bench_stats_add(struct bench_stats *s, uint64_t ns);

/*
 * Returns a time that at least share of 10000 requests did not exceed, at most 1/32
 * above the exact one; 0 without requests.
 */
uint64_t bench_stats_percentile(const struct bench_stats *s, unsigned int share);

/* Requests per second; 0 without a duration. */
double bench_stats_rate(const struct bench_stats *s);

/* The reported percentiles, ascending. */
struct bench_percentile {
	const char *name;
	unsigned int share;	/* of 10000 */
};

#define BENCH_PERCENTILES 4u
extern const struct bench_percentile bench_percentiles[BENCH_PERCENTILES];

#endif
