/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts installed programs. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "child/child.h"
#include "child/program.h"
#include "confine/confine.h"
#include "confine/denied_calls.h"
#include "descriptors.h"

#define NS_PER_MS UINT64_C(1000000)

void prog_program_add(struct prog_program *p, const char *fmt, ...)
{
	va_list ap;

	if (p->rc < 0)
		return;
	if (p->argc == PROG_PROGRAM_MAX_ARGUMENTS) {
		p->rc = -E2BIG;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&p->argv[p->argc], fmt, ap) < 0) {
		p->argv[p->argc] = NULL;
		p->rc = -ENOMEM;
	} else {
		p->argc++;
	}
	va_end(ap);
}

void prog_program_pass(struct prog_program *p, int fd)
{
	if (p->nfds == PROG_PROGRAM_MAX_FDS)
		p->rc = -E2BIG;
	else
		p->fds[p->nfds++] = fd;
}

void prog_program_free(struct prog_program *p)
{
	unsigned int i;

	for (i = 0; i < p->argc; i++)
		free(p->argv[i]);
}

/* ------------------------------------------------------------------ a process */

/*
 * Standard input is that of this process's own user. A terminal would be readable, and its modes could be
 * changed, by its descriptor as standard error.
 */
static int set_streams(int messages)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int rc = null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(messages, STDOUT_FILENO) < 0 ||
		 dup2(messages, STDERR_FILENO) < 0 ? -errno : 0;

	if (null > STDERR_FILENO)
		vsu_fd_close(&null);
	return rc;
}

static void reset_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD, SIGPIPE, SIGTTOU };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The plan drops capabilities and files, and denies calls that reach other processes and hosts. */
static int restrict_rights(struct confine_plan *plan)
{
	const int rc = plan ? confine_execute(plan, CONFINE_CLOSE, NULL) : 0;

	return rc < 0 || !plan ? rc : confine_deny_calls();
}

_Noreturn void prog_program_become(const struct prog_program *p, int messages)
{
	int rc = set_streams(messages);

	if (rc < 0)
		_exit(PROG_PROGRAM_NOT_STARTED);
	setsid();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	rc = prog_descriptors_pass(p->fds, p->nfds);
	if (rc < 0) {
		dprintf(STDERR_FILENO, "%s is not started: descriptors that are not for it cannot be found in /proc/self/fd: %s; mount /proc\n",
			p->argv[0], strerror(-rc));
		_exit(PROG_PROGRAM_NOT_STARTED);
	}
	reset_signals();
	rc = p->rc < 0 ? p->rc : restrict_rights(p->plan);
	if (!rc && p->path)
		execv(p->path, p->argv);
	else if (!rc)
		execvp(p->argv[0], p->argv);
	dprintf(STDERR_FILENO, "%s: %s%s\n", p->failure ? p->failure : p->argv[0], strerror(rc < 0 ? -rc : errno),
		p->remedy ? p->remedy : "");
	_exit(PROG_PROGRAM_NOT_STARTED);
}

int prog_program_start(struct prog_program *p, int messages, struct prog_child *child, struct vsu_error *err)
{
	int rc;

	if (p->rc < 0)
		return vsu_error_sys(err, p->rc, "the arguments of %s", p->argc ? p->argv[0] : "a program");
	rc = prog_child_fork(child, NULL);
	if (rc > 0)
		prog_program_become(p, messages);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot start %s", p->argv[0]) : 0;
}

/* -------------------------------------------------------------------- socket */

int prog_program_receive(int fd, void *to, size_t len, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now, ms;
	ssize_t n;

	while (len) {
		now = vsu_now_ns();
		if (now >= deadline)
			return -ETIMEDOUT;
		ms = (deadline - now) / NS_PER_MS + 1;
		poll(&p, 1, ms > INT_MAX ? -1 : (int)ms);
		n = recv(fd, to, len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return -ECONNRESET;
		if (n > 0) {
			to = (char *)to + n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* ------------------------------------------------------------------- messages */

int prog_program_messages(int *fd, struct vsu_error *err)
{
	*fd = memfd_create("messages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || ftruncate(*fd, PROG_PROGRAM_MESSAGES) < 0 ||
	    fcntl(*fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return vsu_error_sys(err, -errno, "cannot make a file in memory");
	return 0;
}

/* Reads the text without the end of its last line. */
static void load_text(int messages, char text[PROG_PROGRAM_MESSAGES])
{
	const ssize_t n = pread(messages, text, PROG_PROGRAM_MESSAGES - 1, 0);
	size_t len;

	text[n < 0 ? 0 : n] = '\0';
	len = strlen(text);
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
}

const char *prog_program_last_line(int messages, char text[PROG_PROGRAM_MESSAGES])
{
	const char *line;

	load_text(messages, text);
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

const char *prog_program_text(int messages, char text[PROG_PROGRAM_MESSAGES])
{
	char *end = text;

	load_text(messages, text);
	while ((end = strchr(end, '\n')))
		*end = ' ';
	return text;
}
