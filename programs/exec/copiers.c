/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies between files and sockets. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>

#include "exec/copiers.h"
#include "exec/waiting.h"

#define BYTES 65536

/* 0, or an errno. */
static int write_all(int to, const char *bytes, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(to, bytes, len);
		if (n < 0 && errno != EINTR)
			return errno;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/*
 * A process that waits in a read of a terminal reads what is typed for a shell, which stops and continues
 * only other processes of its group: this one waits before.
 */
static ssize_t read_when_ready(int from, char *bytes)
{
	struct pollfd p = { from, POLLIN, 0 };
	ssize_t n;

	(void)!poll(&p, 1, -1);
	n = vsu_terminal_read(from, bytes, BYTES);
	if (n == -EAGAIN)
		(void)!poll(NULL, 0, VMM_FOREGROUND_MS);
	return n;
}

/* Runs in a process of its own. The other side of a socket sees its end. */
static void copy_stream(int from, int to, int report)
{
	static char bytes[BYTES];
	int code = 0;
	ssize_t n;

	do {
		n = read_when_ready(from, bytes);
		if (n > 0)
			code = write_all(to, bytes, (size_t)n);
	} while ((n > 0 && !code) || n == -EINTR || n == -EAGAIN);
	if (code && code != EPIPE && code != ECONNRESET && report >= 0)
		(void)!write(report, &code, sizeof(code));
	_exit(0);
}

/* The copier has one of the ends; the others would delay the end of its stream. */
static int start_copier(struct vmm_copiers *c, int stream, int fd, int sock, int report, struct vsu_error *err)
{
	const bool is_input = stream == VAGENT_STDIN;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	c->ends[stream] = pair[0];
	pid = fork();
	if (!pid) {
		vmm_copiers_close_ends(c);
		close(sock);
		if (is_input)
			prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (vmm_waiting_confine(NULL) < 0)
			_exit(1);
		if (is_input)
			copy_stream(fd, pair[1], -1);
		copy_stream(pair[1], fd, report);
	}
	vsu_fd_close(&pair[1]);
	return pid < 0 ? vsu_error_sys(err, -errno, "cannot start a process") : 0;
}

int vmm_copiers_start(struct vmm_copiers *c, const int fds[VAGENT_STREAMS], int sock, struct vsu_error *err)
{
	int report[2], rc, i;

	rc = start_copier(c, VAGENT_STDIN, fds[VAGENT_STDIN], sock, -1, err);
	if (rc < 0)
		return rc;
	if (pipe2(report, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	c->report = report[0];
	for (i = VAGENT_STDOUT; !rc && i < VAGENT_STREAMS; i++)
		rc = start_copier(c, i, fds[i], sock, report[1], err);
	vsu_fd_close(&report[1]);
	return rc;
}

void vmm_copiers_close_ends(struct vmm_copiers *c)
{
	int i;

	for (i = 0; i < VAGENT_STREAMS; i++)
		vsu_fd_close(&c->ends[i]);
}

int vmm_copiers_wait(struct vmm_copiers *c)
{
	int code = 0, first = 0;
	ssize_t n;

	do {
		n = read(c->report, &code, sizeof(code));
		if (n == (ssize_t)sizeof(code) && !first)
			first = code;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return -first;
}

void vmm_copiers_free(struct vmm_copiers *c)
{
	vmm_copiers_close_ends(c);
	vsu_fd_close(&c->report);
}
