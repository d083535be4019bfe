/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Standard input and output on a terminal: raw mode, and escape keys.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct vmm_terminal {
	/* set before vmm_terminal_init() */
	int in_fd;		/* borrowed; -1: none */
	void (*leave)(void *opaque);	/* Ctrl-A x */
	void (*tell)(void *opaque);	/* Ctrl-A c: print information */
	void *opaque;

	bool is_used;		/* a terminal, until it is restored */
	bool raw;		/* its modes were changed */
	bool escaped;		/* Ctrl-A was the last key */
	struct termios saved;
};

/* Whether this process may read a terminal and change its modes, without a signal that stops it. */
bool vmm_terminal_is_foreground(int fd);

/* Single characters, no echo, no signals; output unchanged. In the background: after vmm_terminal_resume(). */
void vmm_terminal_init(struct vmm_terminal *t);
/* The modes of before, if this process is in the foreground; input that was not read is discarded. */
void vmm_terminal_restore(struct vmm_terminal *t);

/* Before this process stops, and after it is continued. */
void vmm_terminal_suspend(struct vmm_terminal *t);
void vmm_terminal_resume(struct vmm_terminal *t);

/*
 * Removes escape sequences in place; returns the number of bytes for the guest.
 */
size_t vmm_terminal_filter(struct vmm_terminal *t, unsigned char *bytes,
			   size_t n);

/*
 * Returns a new open file description of a terminal or pipe, so that only this one
 * is non-blocking, or -1.
 */
int vmm_terminal_reopen(int out_fd);

#endif
