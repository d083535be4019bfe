/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Timing, samples and lines of the benchmarks. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define MAX_RUNS 1000

static const char *wanted = "";
static unsigned int runs = 9;
static double sample_ns = 20e6;
static clockid_t clock_id = CLOCK_MONOTONIC;

double bench_setting(const char *name, double otherwise, double max)
{
	const char *s = getenv(name);
	double v = s ? strtod(s, NULL) : otherwise;

	return v >= 1 && v <= max ? v : otherwise;
}

static bool clock_is(const char *name)
{
	const char *s = getenv("CLOCK");

	return s && !strcmp(s, name);
}

void bench_init(int argc, char **argv)
{
	if (argc > 1)
		wanted = argv[1];
	runs = (unsigned int)bench_setting("RUNS", runs, MAX_RUNS);
	sample_ns = 1e6 * bench_setting("MS", sample_ns / 1e6, 60000);
	if (clock_is("cpu"))
		clock_id = CLOCK_PROCESS_CPUTIME_ID;
}

void bench_count_cpu(void)
{
	if (!clock_is("wall"))
		clock_id = CLOCK_PROCESS_CPUTIME_ID;
}

bool bench_selected(const char *name)
{
	return strstr(name, wanted) != NULL;
}

double bench_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

double bench_now(void)
{
	return bench_clock(clock_id);
}

/* A case: one of the two functions. */
struct bench {
	bench_fn fn;
	bench_timed_fn timed;
	void *opaque;
};

static double time_of(const struct bench *b, uint64_t n)
{
	double start;

	if (b->timed)
		return b->timed(b->opaque, n);
	start = bench_now();
	b->fn(b->opaque, n);
	return bench_now() - start;
}

/* Operations that take about a sample; the runs before warm up. */
static uint64_t operations(const struct bench *b)
{
	uint64_t n = 1;
	double t;

	while ((t = time_of(b, n)) < sample_ns / 4)
		n = t < sample_ns / 64 ? n * 8 : n * 2;
	n = (uint64_t)((double)n * sample_ns / t);
	return n ? n : 1;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds per operation, sorted. */
static void take_samples(const struct bench *b, double *ns)
{
	uint64_t n = operations(b);
	unsigned int i;

	for (i = 0; i < runs; i++)
		ns[i] = time_of(b, n) / (double)n;
	qsort(ns, runs, sizeof(*ns), compare);
}

static void print_ns(const char *name, const struct bench *b)
{
	double ns[MAX_RUNS];

	if (!bench_selected(name))
		return;
	take_samples(b, ns);
	printf("%s %.3g ns %.3g %.3g %u\n", name, ns[runs / 2], ns[0],
	       ns[runs - 1], runs);
	fflush(stdout);
}

void bench_ns(const char *name, bench_fn fn, void *opaque)
{
	struct bench b = { fn, NULL, opaque };

	print_ns(name, &b);
}

void bench_ns_timed(const char *name, bench_timed_fn fn, void *opaque)
{
	struct bench b = { NULL, fn, opaque };

	print_ns(name, &b);
}

void bench_rate(const char *name, bench_fn fn, void *opaque, double scale,
		const char *unit)
{
	struct bench b = { fn, NULL, opaque };
	double ns[MAX_RUNS];

	if (!bench_selected(name))
		return;
	take_samples(&b, ns);
	scale = 1e9 / scale;
	printf("%s %.4g %s %.4g %.4g %u\n", name, scale / ns[runs / 2], unit,
	       scale / ns[runs - 1], scale / ns[0], runs);
	fflush(stdout);
}
