/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ends a child from another process. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/call_filter.h"
#include "confine/keeper.h"
#include "child/leash.h"
#include "confine/privileges.h"

/* Equal on all architectures. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static void rights_drop(void)
{
	static const char *const names[] = {
		"exit_group", "poll", "ppoll", "ppoll_time64", "restart_syscall", NULL,
	};
	static const struct call_rule rules[] = {
		CALL_IF_INT("pidfd_send_signal", 1, SIGKILL), { .name = NULL },
	};
	static const struct call_table table = { names, rules };
	const struct call_table *const tables[] = { &table, NULL };
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	confine_forbid_tracing();
	(void)!confine_capabilities(UINT64_C(1) << CAP_KILL, NULL);
	(void)!call_filter_load(CALL_FILTER_FAIL, tables, false, NULL);
}

/* Closes all other descriptors, including the standard ones. */
static void descriptors_close(int a, int b)
{
	const unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

	if (low)
		confine_close_range(0, low - 1);
	confine_close_range(low + 1, high - 1);
	confine_close_range(high + 1, ~0u);
}

/* Blocks all signals: those of a terminal are for the other two processes. */
_Noreturn static void wait_and_kill(int child, int leash, int patience_ms)
{
	struct pollfd fds[] = { { .fd = child, .events = POLLIN }, { .fd = leash } };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	descriptors_close(child, leash);
	rights_drop();
	while (poll(fds, 2, -1) < 0 || !(fds[0].revents | fds[1].revents))
		;
	if (poll(fds, 1, patience_ms) == 0)
		(void)!syscall(SYS_pidfd_send_signal, child, SIGKILL, NULL, 0);
	_exit(0);
}

/* The grandchild becomes a child of init, which waits for its end. */
static int fork_twice(int child, const int ends[2], int patience_ms, struct vsu_error *err)
{
	const pid_t first = fork();
	pid_t second;
	int status;

	if (first < 0)
		return vsu_error_sys(err, -errno, "cannot start a process");
	if (!first) {
		close(ends[1]);
		second = fork();
		if (!second)
			wait_and_kill(child, ends[0], patience_ms);
		_exit(second < 0);
	}
	while (waitpid(first, &status, 0) < 0 && errno == EINTR)
		;
	return status ? vsu_error_sys(err, -EAGAIN, "cannot start a process") : 0;
}

int prog_leash_make(pid_t child, int patience_ms, int *leash, struct vsu_error *err)
{
	int fd = (int)syscall(SYS_pidfd_open, child, 0), ends[2], rc;

	*leash = -1;
	if (fd < 0)
		return errno == ENOSYS || errno == EPERM ? 0 : vsu_error_sys(err, -errno, "cannot open process %d", (int)child);
	if (pipe2(ends, O_CLOEXEC) < 0) {
		rc = vsu_error_sys(err, -errno, "cannot make a pipe");
		vsu_fd_close(&fd);
		return rc;
	}
	rc = fork_twice(fd, ends, patience_ms, err);
	vsu_fd_close(&fd);
	vsu_fd_close(&ends[0]);
	if (rc < 0)
		vsu_fd_close(&ends[1]);
	else
		*leash = ends[1];
	return rc;
}
