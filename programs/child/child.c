/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Children, and their deadlines. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "child/child.h"

#define NS_PER_MS UINT64_C(1000000)

int prog_child_fork(struct prog_child *c, struct vsu_error *err)
{
	const pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return vsu_error_sys(err, -errno, "cannot start a process");
	*c = (struct prog_child){ .pid = pid };
	if (pid)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)	/* no signal follows */
		_exit(1);
	return 1;
}

void prog_child_end(struct prog_child *c, int number, uint64_t ns)
{
	c->sent |= UINT32_C(1) << number;
	c->deadline_ns = vsu_now_ns() + ns;
	kill(c->pid, number);
	kill(c->pid, SIGCONT);
}

bool prog_child_was_sent(const struct prog_child *c, int number)
{
	return number < 32 && c->sent & UINT32_C(1) << number;
}

bool prog_child_is_late(const struct prog_child *c)
{
	return c->deadline_ns && vsu_now_ns() >= c->deadline_ns;
}

int prog_child_wait_ms(const struct prog_child *c, int ms)
{
	uint64_t now;
	int left;

	if (!c->deadline_ns)
		return ms;
	now = vsu_now_ns();
	left = c->deadline_ns > now ? (int)((c->deadline_ns - now) / NS_PER_MS) + 1 : 0;
	return ms < 0 || left < ms ? left : ms;
}
