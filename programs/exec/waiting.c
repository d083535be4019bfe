/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Signals and rights of a process that waits. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <vmm-sys-util/terminal.h>

#include "exec/waiting.h"
#include "confine/confine.h"

/* Signals of the guest's user. */
static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };

int vmm_waiting_signals(int *fd, struct vsu_error *err)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(&set, taken[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);	/* by "stty tostop", output would stop a process that is to end, again and again */
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd < 0 ? vsu_error_sys(err, -errno, "cannot wait for signals") : 0;
}

/* Called after SIGTSTP: stops this process, unless its group is orphaned, until it is continued. */
static void stop_process(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static const char *const calls[] = { "getpgid", "getpgrp", "signalfd4", NULL };
static const struct call_rule rules[] = {
	CALLS_OF_TERMINAL_MODES,
	CALL_IF_INT("ioctl", 1, TIOCGWINSZ), CALL_IF_INT("ioctl", 1, FIONREAD),
	{ .name = NULL },
};
static const struct call_table waiting = { calls, rules };

int vmm_waiting_confine(struct vsu_error *err)
{
	struct confine_plan plan = CONFINE_PLAN_INIT;
	int rc;

	plan.drops = CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING;
	plan.complaint = plan.filter_complaint = VSU_LOG_DEBUG;
	plan.action = CALL_FILTER_FAIL;
	plan.calls[0] = &call_table_serving;
	plan.calls[1] = &waiting;
	rc = confine_execute(&plan, CONFINE_CLOSE, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_FILTER, err);
	confine_plan_end(&plan);
	return rc;
}

/* Input that was not read in the background is read then. */
static bool stop_or_continue(const struct vmm_beside *beside, bool stops)
{
	if (stops && beside->terminal)
		vsu_terminal_suspend(beside->terminal);
	if (stops)
		stop_process();
	vmm_beside_resume(beside);
	return beside->turn(beside->opaque);
}

/* False: the command has ended, or the user ends the guest. */
static bool take_signal(const struct vmm_beside *beside, int fd, struct vsu_error *err)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo == SIGWINCH) {
		beside->resize(beside->opaque);
		return true;
	}
	if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGCONT)
		return stop_or_continue(beside, info.ssi_signo == SIGTSTP);
	if (beside->signal(beside->opaque, (int)info.ssi_signo))
		return true;
	vsu_error_set(err, -EINTR, "signal %u ended the guest", info.ssi_signo);
	return false;
}

bool vmm_waiting_turn(const struct vmm_beside *beside, struct pollfd *p, nfds_t n, struct vsu_error *err)
{
	nfds_t i;
	int rc;

	p[VMM_WAITING_SESSION].fd = beside->fd;
	p[VMM_WAITING_SESSION].events = p[VMM_WAITING_SIGNALS].events = POLLIN;
	rc = poll(p, n, vmm_beside_is_in_background(beside) ? VMM_FOREGROUND_MS : -1);
	if (rc < 0) {
		for (i = 0; i < n; i++)
			p[i].revents = 0;
		return errno == EINTR;
	}
	if (!rc)
		return stop_or_continue(beside, false);
	if (p[VMM_WAITING_SESSION].revents && !beside->turn(beside->opaque))
		return false;
	return !p[VMM_WAITING_SIGNALS].revents || take_signal(beside, p[VMM_WAITING_SIGNALS].fd, err);
}
