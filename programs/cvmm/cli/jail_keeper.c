/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Forwards signals to the machine's process, and ends as it ended. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/call_filter.h"
#include "cli/jail_keeper.h"
#include "confine/privileges.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define EXIT_BY_SIGNAL 128

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };

static void fill_set(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaddset(set, forwarded[i]);
	sigaddset(set, SIGCHLD);
}

/* ---------------------------------------------------------------------- parent */

/* Descriptors of the machine are the child's. The pipe ends with this process. */
static void descriptors_close(int pipe_end)
{
	int fd;

	if (pipe_end != STDERR_FILENO + 1) {
		dup2(pipe_end, STDERR_FILENO + 1);
		close(pipe_end);
	}
	if (!syscall(SYS_close_range, STDERR_FILENO + 2, ~0u, 0))
		return;
	for (fd = STDERR_FILENO + 2; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
		close(fd);	/* before Linux 5.9 */
}

/* A child with another user (--user) can be signalled with CAP_KILL only. */
static void rights_drop(pid_t child)
{
	static const char *const names[] = {
		"exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigtimedwait",
		"rt_sigtimedwait_time64", "wait4", NULL,
	};
	const struct call_rule rules[] = {
		CALL_IF_INT("kill", 0, (uint32_t)child), { .name = NULL },
	};
	const struct call_table table = { names, rules };
	const struct call_table *const tables[] = { &table, NULL };
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)!confine_capabilities(UINT64_C(1) << CAP_KILL, NULL);
	(void)!call_filter_load(CALL_FILTER_FAIL, tables, false, NULL);
}

_Noreturn static void end_by_signal(int number)
{
	sigset_t one;

	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(EXIT_BY_SIGNAL + number);
}

_Noreturn static void end_like(int status, const sigset_t *set)
{
	const int code = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		end_by_signal(WTERMSIG(status));
	if (code > EXIT_BY_SIGNAL && sigismember(set, code - EXIT_BY_SIGNAL) == 1)
		end_by_signal(code - EXIT_BY_SIGNAL);
	_exit(code);
}

/* A terminal sends its signals to the child too. */
_Noreturn static void child_keep(pid_t child, const sigset_t *set)
{
	siginfo_t info;
	int status, number;

	for (;;) {
		if (waitpid(child, &status, WNOHANG) == child)
			end_like(status, set);
		number = sigwaitinfo(set, &info);
		if (number > 0 && number != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, number);
	}
}

/* ----------------------------------------------------------------------- child */

static void on_signal(int number)
{
	_exit(EXIT_BY_SIGNAL + number);
}

static int leash = -1;	/* the parent has the other end of this pipe; -1: no parent */

/* If the parent died before prctl(), its end of the pipe is closed. */
int vmm_jail_keeper_tie(struct vsu_error *err)
{
	struct pollfd parent = { .fd = leash };

	if (leash < 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return vsu_error_sys(err, -errno, "--jail: cannot request a signal at the parent's death");
	return poll(&parent, 1, 0) ?
	       vsu_error_set(err, -ECHILD, "--jail: the parent has ended") : 0;
}

static int child_begin(int from_parent, const sigset_t *before, struct vsu_error *err)
{
	const struct sigaction end = { .sa_handler = on_signal };
	size_t i;

	leash = from_parent;
	for (i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaction(forwarded[i], &end, NULL);
	sigprocmask(SIG_SETMASK, before, NULL);
	return vmm_jail_keeper_tie(err);
}

int vmm_jail_keeper_fork(struct vsu_error *err)
{
	sigset_t set, before;
	int ends[2], rc;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "--jail: cannot make a pipe");
	/* while SIGCHLD is ignored, waitpid() gets no status */
	signal(SIGCHLD, SIG_DFL);
	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	child = fork();
	if (child < 0) {
		rc = vsu_error_sys(err, -errno, "--jail: cannot start a process");
		vsu_fd_close(&ends[0]);
		vsu_fd_close(&ends[1]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return rc;
	}
	vsu_fd_close(&ends[child ? 0 : 1]);
	if (!child)
		return child_begin(ends[0], &before, err);
	descriptors_close(ends[1]);
	rights_drop(child);
	child_keep(child, &set);
}
