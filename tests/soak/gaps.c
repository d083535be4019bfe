/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loaded before a program that runs a libev loop: measures how much CPU time
 * the main thread takes between two polls of the loop, and writes the longest
 * as a number of milliseconds to the file $SOAK_GAPS whenever it grows. Time
 * on the CPU, so that a busy host does no harm.
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

#define LOOP_EVENTS 64	/* libev asks for as many; sessions for fewer */
#define NS_PER_MS 1000000

static long cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

static void write_longest(long ms)
{
	const char *path = getenv("SOAK_GAPS");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			     0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%ld\n", ms);
	close(fd);
}

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	static long left, longest;
	bool loop = max >= LOOP_EVENTS && syscall(SYS_gettid) == getpid();
	int rc;

	if (loop && left && cpu_ms() - left > longest) {
		longest = cpu_ms() - left;
		write_longest(longest);
	}
	rc = (int)syscall(SYS_epoll_pwait, epfd, events, max, timeout, NULL, 8);
	if (loop)
		left = cpu_ms();
	return rc;
}
