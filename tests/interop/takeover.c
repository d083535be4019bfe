/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Preloaded into a daemon, acts like an attacker's code in it: a thread waits
 * until the system call filter is installed, then tries operations that serving
 * does not need. Writes a line for each attempt to the file named by TAKEOVER,
 * with "done" or the error; the last line is "end". The file is opened before
 * the filter, which forbids that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int out = -1;

static void note(const char *what, long result)
{
	dprintf(out, "%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

/* The first io_uring descriptor, or -1. */
static int find_ring(void)
{
	static const char ring[] = "anon_inode:[io_uring]";
	char path[32], name[sizeof(ring) - 1];
	int fd;

	for (fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, name, sizeof(name)) == sizeof(name) &&
		    !memcmp(name, ring, sizeof(name)))
			return fd;
	}
	return -1;
}

static void *attack(void *arg)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	struct io_uring_params params = { .flags = 0 };
	struct io_uring_probe probe = { .ops_len = 0 };
	int ring;

	/* the filter refuses this, too */
	while (prctl(PR_GET_SECCOMP) == 0)
		nanosleep(&pause, NULL);
	ring = find_ring();
	note("socket", socket(AF_INET, SOCK_STREAM, 0));
	note("new ring", syscall(SYS_io_uring_setup, 4, &params));
	dprintf(out, "own ring: %s\n", ring < 0 ? "none" : "found");
	note("register", syscall(SYS_io_uring_register, ring,
				 IORING_REGISTER_PROBE, &probe, 0));
	note("enter", syscall(SYS_io_uring_enter, ring, 0, 0, 0, NULL, 0));
	note("signal to another process", syscall(SYS_tgkill, getppid(), getppid(), 0));
	note("page faults", syscall(SYS_userfaultfd, O_CLOEXEC));
	dprintf(out, "end\n");
	return arg;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TAKEOVER");
	sigset_t all, former;
	pthread_t id;

	if (!path)
		return;
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	unsetenv("LD_PRELOAD");
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &former);
	pthread_create(&id, NULL, attack, NULL);
	pthread_sigmask(SIG_SETMASK, &former, NULL);
}
