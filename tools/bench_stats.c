/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Times of requests in a histogram. */
#include <config.h>

#include "bench_stats.h"

const struct bench_percentile bench_percentiles[BENCH_PERCENTILES] = {
	{ "p50", 5000 }, { "p90", 9000 }, { "p99", 9900 }, { "p99.9", 9990 },
};

/* Bits of a time below its step; times below BENCH_STEPS are steps themselves. */
static unsigned int shift_of(uint64_t ns)
{
	return ns < BENCH_STEPS ? 0 : 58 - (unsigned int)__builtin_clzll(ns);
}

void bench_stats_add(struct bench_stats *s, uint64_t ns)
{
	const unsigned int shift = shift_of(ns);

	s->buckets[shift * BENCH_STEPS + (ns >> shift)]++;
	s->requests++;
}

/* The longest time that a bucket counts. */
static uint64_t bucket_end(unsigned int bucket)
{
	const unsigned int shift = bucket < 2 * BENCH_STEPS ? 0 : bucket / BENCH_STEPS - 1;

	return ((uint64_t)(bucket - shift * BENCH_STEPS) << shift) +
	       ((UINT64_C(1) << shift) - 1);
}

uint64_t bench_stats_percentile(const struct bench_stats *s, unsigned int share)
{
	const uint64_t rank = (s->requests * share + 9999) / 10000;
	uint64_t seen = 0;
	unsigned int i;

	for (i = 0; i < BENCH_BUCKETS; i++) {
		seen += s->buckets[i];
		if (seen && seen >= rank)
			return bucket_end(i);
	}
	return 0;
}

double bench_stats_rate(const struct bench_stats *s)
{
	return s->ns ? (double)s->requests * 1e9 / (double)s->ns : 0;
}
