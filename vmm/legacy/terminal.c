/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A terminal in raw mode, and its escape keys. */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "legacy/terminal.h"

#define ESCAPE 0x01		/* Ctrl-A */

/* A terminal that does not control this process has no groups for it. */
bool vmm_terminal_is_foreground(int fd)
{
	const pid_t group = tcgetpgrp(fd);

	return group < 0 || group == getpgrp();
}

/* In the background, SIGTTOU would stop this process, and the modes are another program's. */
static void set_raw(struct vmm_terminal *t)
{
	struct termios raw;

	if (!vmm_terminal_is_foreground(t->in_fd) || (!t->raw && tcgetattr(t->in_fd, &t->saved)))
		return;
	raw = t->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->raw = !tcsetattr(t->in_fd, TCSANOW, &raw);
}

void vmm_terminal_init(struct vmm_terminal *t)
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
void vmm_terminal_suspend(struct vmm_terminal *t)
{
	if (t->raw && vmm_terminal_is_foreground(t->in_fd)) {
		tcsetattr(t->in_fd, TCSANOW, &t->saved);
		tcflush(t->in_fd, TCIFLUSH);
	}
	t->raw = false;
}

/* A shell has set its own modes if SIGSTOP stopped this process. */
void vmm_terminal_resume(struct vmm_terminal *t)
{
	if (t->is_used)
		set_raw(t);
}

void vmm_terminal_restore(struct vmm_terminal *t)
{
	vmm_terminal_suspend(t);
	t->is_used = false;
}

size_t vmm_terminal_filter(struct vmm_terminal *t, unsigned char *bytes,
			   size_t n)
{
	size_t i, kept = 0;

	if (!t->raw)
		return n;
	for (i = 0; i < n; i++) {
		if (!t->escaped && bytes[i] == ESCAPE) {
			t->escaped = true;
			continue;
		}
		if (t->escaped && bytes[i] == 'x' && t->leave)
			t->leave(t->opaque);
		else if (t->escaped && bytes[i] == 'c' && t->tell)
			t->tell(t->opaque);
		else
			bytes[kept++] = bytes[i];
		t->escaped = false;
	}
	return kept;
}

/*
 * The descriptor may be shared with other programs, so its mode stays
 * unchanged.
 */
int vmm_terminal_reopen(int out_fd)
{
	char path[32];

	if (out_fd < 0 ||
	    (!isatty(out_fd) && vsu_fd_kind(out_fd) != VSU_FD_FIFO))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", out_fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}
