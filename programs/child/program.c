/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts installed programs. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "child/program.h"
#include "descriptors.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

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

/* Standard input is that of this process's own user. */
_Noreturn static void become_program(const struct prog_program *p, pid_t parent, int messages)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getppid() != parent || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(messages, STDOUT_FILENO) < 0 || dup2(messages, STDERR_FILENO) < 0)
		_exit(PROG_PROGRAM_NOT_STARTED);
	prog_descriptors_pass(p->fds, p->nfds);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(p->argv[0], p->argv);
	dprintf(STDERR_FILENO, "%s: %s\n", p->argv[0], strerror(errno));
	_exit(PROG_PROGRAM_NOT_STARTED);
}

int prog_program_start(struct prog_program *p, int messages, pid_t *pid, struct vsu_error *err)
{
	const pid_t parent = getpid();

	if (p->rc < 0)
		return vsu_error_sys(err, p->rc, "the arguments of %s", p->argc ? p->argv[0] : "a program");
	*pid = fork();
	if (!*pid)
		become_program(p, parent, messages);
	return *pid < 0 ? vsu_error_sys(err, -errno, "cannot start %s", p->argv[0]) : 0;
}

/* -------------------------------------------------------------------- socket */

int prog_program_receive(int fd, void *to, size_t len, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	while (len) {
		now = vsu_now_ns();
		if (now >= deadline || poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1) == 0)
			return -ETIMEDOUT;
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

/* ----------------------------------------------------------------------- end */

/* Kernels before 5.3 have no descriptor of a process: what has not ended then is not awaited. */
static void await_process(int fd, int ms)
{
	const uint64_t deadline = vsu_now_ns() + (uint64_t)ms * NS_PER_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = vsu_now_ns();

	while (fd >= 0 && now < deadline && poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1) < 0 && errno == EINTR)
		now = vsu_now_ns();
}

bool prog_program_await_end(pid_t pid, int ms, int *status)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	await_process(fd, ms);
	vsu_fd_close(&fd);
	return waitpid(pid, status, WNOHANG) == pid;
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

/* Without the ends of the last lines. */
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
