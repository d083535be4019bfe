/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A terminal in raw mode, and its escape keys. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>


#define ESCAPE 0x01		/* Ctrl-A */

/* A read in the background fails if SIGTTIN is blocked, and stops the process otherwise. */
ssize_t vsu_terminal_read(int fd, void *bytes, size_t len)
{
	sigset_t stop, before;
	ssize_t n;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTTIN);
	pthread_sigmask(SIG_BLOCK, &stop, &before);
	n = read(fd, bytes, len);
	n = n < 0 ? -errno : n;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n == -EIO && isatty(fd) ? -EAGAIN : n;
}

/*
 * A terminal that does not control this process has no groups for it. In a namespace of processes, groups from outside
 * have no numbers: there, a read of no bytes finds out.
 */
static bool is_foreground(int fd)
{
	const pid_t group = tcgetpgrp(fd), own = getpgrp();
	char none;

	return group < 0 || (group == own && (own || vsu_terminal_read(fd, &none, 0) != -EAGAIN));
}

static bool change_modes(struct vsu_terminal *t)
{
	struct termios raw;

	if (!t->changed && tcgetattr(t->in_fd, &t->saved))
		return false;
	raw = t->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->changed = !tcsetattr(t->in_fd, TCSANOW, &raw);
	return t->changed;
}

/* In the background, SIGTTOU would stop this process, and the modes are another program's. */
static void set_raw(struct vsu_terminal *t)
{
	t->raw = is_foreground(t->in_fd) && change_modes(t);
}

void vsu_terminal_init(struct vsu_terminal *t)
{
	t->raw = t->escaped = t->changed = false;
	t->is_used = t->in_fd >= 0 && isatty(t->in_fd);
	if (t->is_used)
		set_raw(t);
}

/*
 * A guest can cause input, as terminals answer its queries: the shell must not read the rest of it. Unlike
 * TCSAFLUSH, this does not wait for a terminal that accepts no output.
 */
void vsu_terminal_suspend(struct vsu_terminal *t)
{
	if (t->changed && is_foreground(t->in_fd)) {
		tcsetattr(t->in_fd, TCSANOW, &t->saved);
		tcflush(t->in_fd, TCIFLUSH);
		t->changed = false;
	}
	t->raw = false;
}

/* A shell has set its own modes if SIGSTOP stopped this process. */
void vsu_terminal_resume(struct vsu_terminal *t)
{
	if (t->is_used)
		set_raw(t);
}

void vsu_terminal_restore(struct vsu_terminal *t)
{
	vsu_terminal_suspend(t);
	t->is_used = false;
}

size_t vsu_terminal_filter(struct vsu_terminal *t, unsigned char *bytes, size_t n)
{
	size_t i, kept = 0;

	if (!t->raw)
		return n;
	for (i = 0; i < n; i++) {
		if (!t->escaped && bytes[i] == ESCAPE) {
			t->escaped = true;
			continue;
		}
		if (t->escaped && bytes[i] == 'x' && t->quit)
			t->quit(t->opaque);
		else if (t->escaped && bytes[i] == 'c' && t->info)
			t->info(t->opaque);
		else
			bytes[kept++] = bytes[i];
		t->escaped = false;
	}
	return kept;
}

/* Other programs may share the descriptor, so its mode stays unchanged. */
int vsu_terminal_reopen(int out_fd)
{
	char path[32];
	int fd;

	if (out_fd < 0 || (!isatty(out_fd) && vsu_fd_kind(out_fd) != VSU_FD_FIFO))
		return -ENOTTY;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out_fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
