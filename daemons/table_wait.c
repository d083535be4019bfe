/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A bounded wait for a file lock that the kernel releases. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>

#include <vmm-sys-util/fd.h>

#include "table_wait.h"

#define WAIT_S 5

static void on_alarm(int number)
{
	(void)number;
}

/*
 * Repeats every second, for a signal that arrives just before the system call.
 */
static void wait_lock(int fd)
{
	const struct itimerval alarms = { { 1, 0 }, { WAIT_S, 0 } };
	const struct itimerval none = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	sigset_t alarm, mask;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigaction(SIGALRM, &action, &before);
	sigprocmask(SIG_UNBLOCK, &alarm, &mask);
	setitimer(ITIMER_REAL, &alarms, NULL);
	/* the result is irrelevant: closing the descriptor releases the lock */
	(void)!flock(fd, LOCK_EX);
	setitimer(ITIMER_REAL, &none, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGALRM, &before, NULL);
}

void table_wait(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			     O_NOCTTY | O_CLOEXEC) : -1;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		wait_lock(fd);
	vsu_fd_close(&fd);
}
