/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ends a program from another process. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "child/child.h"
#include "child/leash.h"
#include "confine/call_filter.h"
#include "confine/keeper.h"
#include "confine/privileges.h"

/* Equal on all architectures. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define NS_PER_MS UINT64_C(1000000)

/* The program that the process keeps. */
struct kept {
	pid_t pid;		/* its child; 0: another process's */
	int end;		/* descriptor of the program's process, or -1 */
	int leash;
	int patience_ms;
	const char *lost;
	int messages;
};

/* ---------------------------------------------------------------- the process */

/* The process reads what the program printed, kills it, and writes its status and a line. */
static void rights_drop(const struct kept *k)
{
	static const char *const names[] = {
		"exit_group", "poll", "ppoll", "ppoll_time64", "pread64", "read", "restart_syscall", "wait4", "write", NULL,
	};
	const struct call_rule own[] = { CALL_IF_INT("kill", 0, (uint32_t)k->pid), { .name = NULL } };
	static const struct call_rule foreign[] = { CALL_IF_INT("pidfd_send_signal", 1, SIGKILL), { .name = NULL } };
	const struct call_table table = { names, k->pid ? own : foreign };
	const struct call_table *const tables[] = { &table, NULL };
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	confine_forbid_tracing();
	(void)!confine_capabilities(UINT64_C(1) << CAP_KILL, NULL);
	(void)!call_filter_load(CALL_FILTER_FAIL, tables, false, NULL);
}

/* Closes all other descriptors, including the standard ones that are not required. */
static void descriptors_close(const struct kept *k)
{
	const int kept[] = { k->leash, k->end, k->lost ? k->messages : -1, k->lost ? STDERR_FILENO : -1 };
	unsigned int first = 0, next, i;

	do {
		next = ~0u;
		for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (kept[i] >= (int)first && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		if (next > first)
			confine_close_range(first, next == ~0u ? ~0u : next - 1);
		first = next + 1;
	} while (first);
}

/* dprintf() would call lseek(). */
static void print_loss(const struct kept *k, int status)
{
	static char text[PROG_PROGRAM_MESSAGES];
	const char *line = prog_program_text(k->messages, text);
	struct vsu_error err;
	char sentence[sizeof(err.msg) + 16];

	if (WIFSIGNALED(status))
		vsu_error_set(&err, -EPIPE, "%s was killed by signal %d%s%s", k->lost, WTERMSIG(status), *line ? ": " : "", line);
	else
		vsu_error_set(&err, -EPIPE, "%s ended with status %d%s%s", k->lost, WEXITSTATUS(status), *line ? ": " : "", line);
	snprintf(sentence, sizeof(sentence), "cvmm: %s\n", err.msg);
	(void)!write(STDERR_FILENO, sentence, strlen(sentence));
}

/* False: the other end is closed. *reports: it has sent a byte, and the end is a loss. */
static bool await_end(const struct kept *k, bool *reports)
{
	struct pollfd p[] = { { .fd = k->leash, .events = POLLIN }, { .fd = k->end, .events = POLLIN } };
	ssize_t n = 1;
	char byte;

	while (n) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			n = read(k->leash, &byte, 1);
		*reports |= p[0].revents && n == 1;
		if (n && p[1].revents)
			return true;
	}
	return poll(&p[1], 1, k->patience_ms) > 0;
}

/* All signals are blocked: those of a terminal are for others. */
_Noreturn static void keep_program(const struct kept *k)
{
	bool reports = false, has_ended;
	int status;

	descriptors_close(k);
	rights_drop(k);
	has_ended = await_end(k, &reports);
	if (!has_ended && k->pid)
		kill(k->pid, SIGKILL);
	else if (!has_ended)
		(void)!syscall(SYS_pidfd_send_signal, k->end, SIGKILL, NULL, 0);
	if (!k->pid || waitpid(k->pid, &status, 0) != k->pid)
		_exit(0);
	(void)!write(k->leash, &status, sizeof(status));
	if (has_ended && reports && k->lost)
		print_loss(k, status);
	_exit(0);
}

/* The first word on the leash is the number of the program, or an error. */
static void start_program(struct kept *k, const struct prog_program *p)
{
	struct prog_child child = { .pid = 0 };
	int rc = prog_child_fork(&child, NULL);

	if (rc > 0)
		prog_program_become(p, k->messages);
	if (!rc)
		rc = k->pid = child.pid;
	k->end = (int)syscall(SYS_pidfd_open, child.pid, 0);
	(void)!write(k->leash, &rc, sizeof(rc));
	if (rc < 0)
		_exit(0);
}

/* -------------------------------------------------------------- for the others */

/* Forks twice, so that init waits for its end. p: started by it; NULL: nothing is. */
static int fork_keeper(struct kept *k, const struct prog_program *p, int *leash, struct vsu_error *err)
{
	sigset_t all;
	int ends[2], status = 0, rc;
	pid_t first;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	first = fork();
	rc = first < 0 ? -errno : -EAGAIN;
	if (!first) {
		close(ends[1]);
		k->leash = ends[0];
		first = fork();
		if (first)
			_exit(first < 0);
		setsid();
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		if (p)
			start_program(k, p);
		keep_program(k);
	}
	vsu_fd_close(&ends[0]);
	while (first > 0 && waitpid(first, &status, 0) < 0 && errno == EINTR)
		;
	if (first > 0 && !status) {
		*leash = ends[1];
		return 0;
	}
	vsu_fd_close(&ends[1]);
	return vsu_error_sys(err, rc, "cannot start a process");
}

int prog_leash_tie(pid_t child, int patience_ms, int *fd, struct vsu_error *err)
{
	struct kept k = { .end = (int)syscall(SYS_pidfd_open, child, 0), .patience_ms = patience_ms, .messages = -1 };
	int rc;

	*fd = -1;
	if (k.end < 0)
		return errno == ENOSYS || errno == EPERM ? 0 : vsu_error_sys(err, -errno, "cannot open process %d", (int)child);
	rc = fork_keeper(&k, NULL, fd, err);
	vsu_fd_close(&k.end);
	return rc;
}

/* A number on the leash, at most ms from now; -1: no limit. */
static bool receive_number(const struct prog_leash *leash, int ms, int *number)
{
	const uint64_t deadline = ms < 0 ? UINT64_MAX : vsu_now_ns() + (uint64_t)ms * NS_PER_MS;

	return leash->fd >= 0 && !prog_program_receive(leash->fd, number, sizeof(*number), deadline);
}

int prog_leash_start(struct prog_leash *leash, struct prog_program *p, int messages, int patience_ms,
		     struct vsu_error *err)
{
	struct kept k = { .patience_ms = patience_ms, .lost = p->lost, .messages = messages };
	int pid = -EAGAIN;
	int rc = p->rc < 0 ? vsu_error_sys(err, p->rc, "the arguments of %s", p->argc ? p->argv[0] : "a program") :
			     fork_keeper(&k, p, &leash->fd, err);

	if (rc < 0)
		return rc;
	if (receive_number(leash, -1, &pid) && pid > 0) {
		leash->pid = pid;
		return 0;
	}
	vsu_fd_close(&leash->fd);
	return vsu_error_sys(err, pid, "cannot start %s", p->argv[0]);
}

int prog_leash_report(const struct prog_leash *leash)
{
	return send(leash->fd, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

bool prog_leash_await(const struct prog_leash *leash, int ms, int *status)
{
	return receive_number(leash, ms, status);
}

bool prog_leash_end(struct prog_leash *leash, int *status)
{
	bool rc;

	shutdown(leash->fd, SHUT_WR);
	rc = receive_number(leash, -1, status);
	vsu_fd_close(&leash->fd);
	return rc;
}
