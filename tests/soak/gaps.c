/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Preloaded into a program with an event loop: measures the CPU time of the
 * main thread between two calls of epoll_wait() on the loop's descriptor, and
 * writes each new maximum in milliseconds to the file $SOAK_GAPS. CPU time, so
 * that other load of the host does not count. The loop's descriptor is
 * recognised by its time-out: sessions only poll theirs.
 */
#include <config.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000

static long cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

static int gaps = -1;

/* Before the program restricts the files that it can open. */
__attribute__((constructor)) static void gaps_open(void)
{
	const char *path = getenv("SOAK_GAPS");

	gaps = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
}

/* Numbers only grow, so a later one is not shorter. */
static void write_longest(long ms)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%ld\n", ms);

	(void)!pwrite(gaps, text, (size_t)len, 0);
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	static long left, longest;
	static int waited = -1;
	bool main_thread = syscall(SYS_gettid) == getpid(), loop;
	int rc;

	if (main_thread && timeout)
		waited = epfd;
	loop = main_thread && epfd == waited;
	if (loop && left && cpu_ms() - left > longest) {
		longest = cpu_ms() - left;
		write_longest(longest);
	}
	rc = (int)syscall(SYS_epoll_pwait, epfd, events, max, timeout, NULL, 8);
	if (loop)
		left = cpu_ms();
	return rc;
}
