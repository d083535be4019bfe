/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How the benchmarks measure and print: one line per case,
 *
 *	NAME MEDIAN UNIT MIN MAX RUNS
 *
 * The first argument selects cases by a substring of their names. From the
 * environment: RUNS, samples per case (default 9), MS, milliseconds per sample
 * (default 20), and CLOCK: "wall", or "cpu", processor time of all threads of the
 * benchmark. Processor time depends less on other work of the machine.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Does n operations; the harness chooses n so that they fill a sample. */
typedef void (*bench_fn)(void *opaque, uint64_t n);

/* Does n operations and measures them itself: returns the nanoseconds. */
typedef double (*bench_timed_fn)(void *opaque, uint64_t n);

/* Reads arguments and environment. */
void bench_init(int argc, char **argv);

/* A number from the environment, from 1 to max. */
double bench_setting(const char *name, double otherwise, double max);

/*
 * Makes processor time the default: for benchmarks whose one thread never waits.
 * Call it after bench_init().
 */
void bench_count_cpu(void);

bool bench_selected(const char *name);

/* Times a case, in nanoseconds per operation. */
void bench_ns(const char *name, bench_fn fn, void *opaque);

void bench_ns_timed(const char *name, bench_timed_fn fn, void *opaque);

/* Nanoseconds of the clock that CLOCK selects. */
double bench_now(void);

/* Nanoseconds of any clock. */
double bench_clock(clockid_t id);

/* Nanoseconds for short parts of a sample, by a clock without a system call. */
static inline double bench_part_now(void)
{
	return bench_clock(CLOCK_MONOTONIC);
}

/* Times a case, in operations per second (unit "/s", or "k/s", "M/s" by scale). */
void bench_rate(const char *name, bench_fn fn, void *opaque, double scale,
		const char *unit);

/* Nothing about *p is known to the compiler after this. */
static inline void bench_use(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
