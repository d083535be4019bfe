/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The keeper of a confined process, which watches it from outside and ends with its status. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "confine/call_filter.h"
#include "confine/call_tables.h"
#include "confine/keeper.h"
#include "confine/privileges.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define EXIT_BY_SIGNAL 128
#define STOP_S 1		/* Seconds until the child has stopped */
#define INHERITED 256	/* The program may have inherited descriptors up to this number. */

/* Signals of a shell's job control, whose default action stops a process. */
static const int stopping[] = { SIGTSTP, SIGTTIN, SIGTTOU, 0 };

static void add_signals(sigset_t *set, const int *numbers)
{
	while (*numbers)
		sigaddset(set, *numbers++);
}

static void handle_signals(const int *numbers, void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler };

	while (*numbers)
		sigaction(*numbers++, &action, NULL);
}

/* -------------------------------------------------------------------- terminal */

/* Those of the terminal while the child does not read it. A shell need not restore them after a job has stopped. */
struct modes {
	bool known;
	struct termios saved;
};

static bool is_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* The child may have changed them already. */
static void save_modes(struct modes *m)
{
	struct termios now;

	if (!is_foreground() || tcgetattr(STDIN_FILENO, &now) < 0 || !(now.c_lflag & ICANON))
		return;
	m->saved = now;
	m->known = true;
}

/* A guest can cause input, as terminals answer its queries: the shell must not read it. */
static void restore_modes(const struct modes *m)
{
	if (!m->known || !is_foreground())
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &m->saved);
	tcflush(STDIN_FILENO, TCIFLUSH);
}

/* ---------------------------------------------------------------------- parent */

static bool is_kept(const struct confine_keeping *how, int fd)
{
	struct stat st;

	return how->keeps_files && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       fcntl(fd, F_GETFD) == 0;
}

void confine_close_range(unsigned int first, unsigned int last)
{
	if (first > last || !syscall(SYS_close_range, first, last, 0))
		return;
	for (; first <= last && first < (unsigned int)sysconf(_SC_OPEN_MAX); first++)
		close((int)first);	/* before Linux 5.9 */
}

/* The program's descriptors belong to the child. The pipe ends with this process. */
static void descriptors_close(const struct confine_keeping *how, int from_child)
{
	unsigned int first = STDERR_FILENO + 1;
	int fd;

	for (fd = (int)first; fd < INHERITED || fd <= from_child; fd++) {
		if (fd != from_child && !is_kept(how, fd))
			continue;
		confine_close_range(first, (unsigned int)fd - 1);
		first = (unsigned int)fd + 1;
	}
	confine_close_range(first, ~0u);
}

/* If the child has another user, only root can signal it and remove its sockets. */
static void rights_drop(const struct confine_keeping *how, pid_t child)
{
	/* also for raise() and for a log line */
	static const char *const waiting[] = {
		"exit_group", "getpgid", "getpgrp", "getpid", "gettid", "rt_sigaction", "rt_sigprocmask",
		"rt_sigtimedwait", "rt_sigtimedwait_time64", "wait4", "waitid", "write", "writev", NULL,
	};
	static const char *const removing[] = {
		"fstatat64", "lstat", "lstat64", "newfstatat", "read", "statx", "unlink", "unlinkat", NULL,
	};
	static const struct call_table sockets = { removing, NULL };
	const struct call_rule rules[] = {
		CALL_IF_INT("kill", 0, (uint32_t)child), CALLS_OF_TERMINAL_MODES, { .name = NULL },
	};
	const struct call_table wait = { waiting, rules };
	const struct call_table *const tables[] = {
		&wait, how->removes_sockets ? &sockets : NULL, NULL,
	};
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	confine_forbid_tracing();
	(void)!confine_capabilities(UINT64_C(1) << CAP_KILL | (how->removes_sockets ?
				    UINT64_C(1) << CAP_DAC_OVERRIDE : 0), NULL);
	(void)!call_filter_load(CALL_FILTER_FAIL, tables, false, NULL);
}

/* The child sends only the paths of its sockets. */
static void sockets_remove(const struct confine_keeping *how, int from_child)
{
	struct vsu_sock_path path;

	while (how->removes_sockets && read(from_child, &path, sizeof(path)) == (ssize_t)sizeof(path))
		vsu_sock_unlink(&path);
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

/*
 * A process that is blocked in the kernel by a file server survives even SIGKILL. The child
 * has logged before why it does not end.
 */
_Noreturn static void child_abandon(pid_t child)
{
	char text[256];

	kill(child, SIGKILL);
	/* dprintf() would call lseek(), which the filter denies */
	snprintf(text, sizeof(text), "%s: process %d does not end and is abandoned: files of the host do not respond\n",
		 program_invocation_short_name, (int)child);
	(void)!write(STDERR_FILENO, text, strlen(text));
	_exit(VSU_EXIT_HOST);
}

static bool is_stopping(int number)
{
	const int *one = stopping;

	while (*one && *one != number)
		one++;
	return *one;
}

/* A thread of the child that waits for an unresponsive file stops later. */
static void await_stop(pid_t child)
{
	const struct timespec limit = { STOP_S, 0 };
	siginfo_t info = { .si_pid = 0 };
	sigset_t one;
	int rc = 0;

	sigemptyset(&one);
	sigaddset(&one, SIGCHLD);
	while (rc >= 0 && !waitid(P_PID, (id_t)child, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) && !info.si_pid) {
		rc = sigtimedwait(&one, NULL, &limit);
		if (rc < 0 && errno == EINTR)
			rc = 0;
	}
}

/*
 * Stops this process and the child. The kernel drops these signals for the first process of
 * a namespace, so the child receives SIGSTOP, which it does not drop from outside. The
 * default action stops this process, except in an orphaned process group, which no shell
 * would continue: then both continue at once.
 */
static void both_stop(pid_t child, int number, const struct modes *modes)
{
	struct sigaction action;
	sigset_t one;

	if (sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_IGN)
		return;
	sigemptyset(&one);
	sigaddset(&one, number);
	kill(child, SIGSTOP);
	await_stop(child);
	restore_modes(modes);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &one, NULL);	/* stops here, until SIGCONT */
	sigprocmask(SIG_BLOCK, &one, NULL);
	kill(child, SIGCONT);
}

/*
 * Sockets are removed before the signal, so that no client connects to an ending server. A
 * terminal sends its signals to the child too.
 */
_Noreturn static void child_keep(const struct confine_keeping *how, pid_t child, int from_child,
				  const sigset_t *set, struct modes *modes)
{
	const struct timespec ever = { 1 << 30, 0 }, patience = { how->patience_s, 0 };
	const struct timespec *limit = &ever;
	siginfo_t info;
	int status, number;

	while (waitpid(child, &status, WNOHANG) != child) {
		number = sigtimedwait(set, &info, limit);
		if (number < 0 && errno == EAGAIN && limit == &patience)
			child_abandon(child);
		if (number < 0 || number == SIGCHLD)
			continue;
		if (number == SIGCONT) {
			save_modes(modes);
			continue;
		}
		if (is_stopping(number)) {
			both_stop(child, number, modes);
			continue;
		}
		sockets_remove(how, from_child);
		if (info.si_code != SI_KERNEL)
			kill(child, number);
		if (how->patience_s)
			limit = &patience;
	}
	sockets_remove(how, from_child);
	end_like(status, set);
}

/* ----------------------------------------------------------------------- child */

static void on_signal(int number)
{
	_exit(EXIT_BY_SIGNAL + number);
}

/* If the parent died before prctl(), its end of the pipe is closed. */
int confine_keeper_tie(int leash, struct vsu_error *err)
{
	struct pollfd parent = { .fd = leash };

	if (leash < 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return vsu_error_sys(err, -errno, "cannot request a signal at the parent's death");
	return poll(&parent, 1, 0) ? vsu_error_set(err, -ECHILD, "the parent has ended") : 0;
}

static int child_begin(const struct confine_keeping *how, int leash, const sigset_t *before,
		       struct vsu_error *err)
{
	sigset_t mask = *before;

	if (how->held)
		add_signals(&mask, how->forwarded);
	else
		handle_signals(how->forwarded, on_signal);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return confine_keeper_tie(leash, err);
}

int confine_keeper_leave_socket(int leash, const struct vsu_sock_path *where)
{
	ssize_t n = write(leash, where, sizeof(*where));

	return n == (ssize_t)sizeof(*where) ? 0 : n < 0 ? -errno : -EIO;
}

/* ----------------------------------------------------------------- for both */

static void block_signals(const int *forwarded, sigset_t *set, sigset_t *before)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGCONT);	/* continues this process nevertheless */
	add_signals(set, stopping);
	add_signals(set, forwarded);
	sigprocmask(SIG_BLOCK, set, before);
}

int confine_keeper_fork(const struct confine_keeping *how, int *leash, struct vsu_error *err)
{
	struct modes modes = { .known = false };
	sigset_t set, before;
	int ends[2], rc;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	handle_signals(how->ignored, SIG_IGN);
	block_signals(how->forwarded, &set, &before);
	save_modes(&modes);
	child = fork();
	if (child < 0) {
		rc = vsu_error_sys(err, -errno, "cannot start a process");
		sigprocmask(SIG_SETMASK, &before, NULL);
		vsu_fd_close(&ends[0]);
		vsu_fd_close(&ends[1]);
		return rc;
	}
	vsu_fd_close(&ends[child ? 1 : 0]);
	if (!child) {
		*leash = ends[1];
		return child_begin(how, ends[1], &before, err);
	}
	descriptors_close(how, ends[0]);
	rights_drop(how, child);
	child_keep(how, child, ends[0], &set, &modes);
}
