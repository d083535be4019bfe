/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Preloaded into a program with a libev loop, writes to the file GAPS for each
 * new maximum: the CPU time of the main thread between two calls of
 * epoll_wait(), and the wall time, both in milliseconds.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LIBEV_EVENTS 64	/* libev requests at least this number; inner descriptors fewer */

static double begun_cpu, begun_wall, longest = -1;
static int loop_fd = -1;
static FILE *gaps;

static double clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Before the program restricts the files that it can open. */
__attribute__((constructor)) static void gaps_open(void)
{
	const char *name = getenv("GAPS");

	gaps = name ? fopen(name, "we") : NULL;
}

static void gap_end(void)
{
	const double cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID) - begun_cpu;

	if (!gaps)
		abort();
	if (begun_wall > 0 && cpu > longest) {
		longest = cpu;
		fprintf(gaps, "%.1f %.1f\n", cpu,
			clock_ms(CLOCK_MONOTONIC) - begun_wall);
		fflush(gaps);
	}
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
	const int is_main = syscall(SYS_gettid) == getpid();
	int rc;

	if (loop_fd < 0 && is_main && n >= LIBEV_EVENTS)
		loop_fd = fd;
	if (fd != loop_fd || !is_main)
		return (int)syscall(SYS_epoll_pwait, fd, events, n, timeout,
				    NULL, 8);
	gap_end();
	rc = (int)syscall(SYS_epoll_pwait, fd, events, n, timeout, NULL, 8);
	begun_wall = clock_ms(CLOCK_MONOTONIC);
	begun_cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID);
	return rc;
}
