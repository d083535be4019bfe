/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A terminal in raw mode, and its escape keys. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>


#define ESCAPE 0x01		/* Ctrl-A */

/* A terminal that does not control this process has no groups for it. */
bool vsu_terminal_is_foreground(int fd)
{
	const pid_t group = tcgetpgrp(fd);

	return group < 0 || group == getpgrp();
}

/* In the background, SIGTTOU would stop this process, and the modes are another program's. */
static void set_raw(struct vsu_terminal *t)
{
	struct termios raw;

	if (!vsu_terminal_is_foreground(t->in_fd) || (!t->raw && tcgetattr(t->in_fd, &t->saved)))
		return;
	raw = t->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->raw = !tcsetattr(t->in_fd, TCSANOW, &raw);
}

void vsu_terminal_init(struct vsu_terminal *t)
{
	t->raw = t->escaped = false;
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
	if (t->raw && vsu_terminal_is_foreground(t->in_fd)) {
		tcsetattr(t->in_fd, TCSANOW, &t->saved);
		tcflush(t->in_fd, TCIFLUSH);
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
