/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs programs that a configuration names. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/hooks.h"

#define NOT_EXECUTED 127

/* The state as a file, at its beginning. */
static int open_state(const struct oci_state *state, struct vsu_error *err)
{
	int fd = memfd_create("state", MFD_CLOEXEC), copy = fd < 0 ? -1 : dup(fd);
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");

	if (f) {
		oci_state_print(state, f);
		fclose(f);
		lseek(fd, 0, SEEK_SET);
		return fd;
	}
	vsu_error_sys(err, -errno, "cannot write the state for hooks");
	vsu_fd_close(&copy);
	vsu_fd_close(&fd);
	return err->code;
}

/* Never returns. */
static void execute_hook(const struct oci_hook *h, int state)
{
	static char *none[] = { NULL };
	char *alone[] = { (char *)(uintptr_t)h->path, NULL };
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(state, STDIN_FILENO) < 0)
		_exit(NOT_EXECUTED);
	execve(h->path, h->args.n ? h->args.words : alone, h->environment.n ? h->environment.words : none);
	_exit(NOT_EXECUTED);
}

/* Kills a hook that takes longer than its limit. */
static bool await_hook(pid_t pid, const struct oci_hook *h, int *status)
{
	const int ms = h->timeout > INT32_MAX / 1000 || !h->timeout ? -1 : (int)h->timeout * 1000;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const bool late = fd >= 0 && poll(&p, 1, ms) == 0;

	if (late)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		continue;
	vsu_fd_close(&fd);
	return !late;
}

static int run_hook(const struct oci_hook *h, int state, struct vsu_error *err)
{
	const pid_t pid = fork();
	int status = 0;

	if (!pid)
		execute_hook(h, state);
	if (pid < 0)
		return vsu_error_sys(err, -errno, "cannot run the hook '%s'", h->path);
	if (!await_hook(pid, h, &status))
		return vsu_error_set(err, -ETIMEDOUT, "the hook '%s' took longer than %u seconds", h->path, h->timeout);
	if (WIFSIGNALED(status))
		return vsu_error_set(err, -ECANCELED, "the hook '%s' was killed by signal %d", h->path, WTERMSIG(status));
	return WEXITSTATUS(status) ? vsu_error_set(err, -ECANCELED, "the hook '%s' ended with status %d", h->path, WEXITSTATUS(status)) : 0;
}

static int run_with_state(const struct oci_hook *h, const struct oci_state *state, struct vsu_error *err)
{
	int fd = open_state(state, err);
	const int rc = fd < 0 ? fd : run_hook(h, fd, err);

	vsu_fd_close(&fd);
	return rc;
}

int oci_hooks_run(const struct oci_spec *spec, enum oci_moment moment, const struct oci_state *state,
		  struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < spec->hooks[moment].n; i++)
		rc = run_with_state(&spec->hooks[moment].items[i], state, err);
	return rc;
}

void oci_hooks_run_all(const struct oci_spec *spec, enum oci_moment moment, const struct oci_state *state,
		       const struct oci_report *report)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	for (i = 0; i < spec->hooks[moment].n; i++)
		if (run_with_state(&spec->hooks[moment].items[i], state, &err) < 0)
			oci_report_line(report, OCI_REPORT_WARNING, "%s", err.msg);
}
