/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Signals and rights of a process that waits. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>

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
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *fd < 0 ? vsu_error_sys(err, -errno, "cannot wait for signals") : 0;
}

void vmm_waiting_stop(void)
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
