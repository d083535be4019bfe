/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A terminal in raw mode, and its escape keys. */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "legacy/terminal.h"

#define ESCAPE 0x01		/* Ctrl-A */

void vmm_terminal_init(struct vmm_terminal *t)
{
	struct termios raw;

	t->raw = t->escaped = false;
	if (t->in_fd < 0 || !isatty(t->in_fd) || tcgetattr(t->in_fd, &t->saved))
		return;
	raw = t->saved;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	t->raw = !tcsetattr(t->in_fd, TCSANOW, &raw);
}

void vmm_terminal_restore(const struct vmm_terminal *t)
{
	if (t->raw)
		tcsetattr(t->in_fd, TCSANOW, &t->saved);
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
