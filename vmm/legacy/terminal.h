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

	bool raw;		/* a terminal whose mode was changed */
	bool escaped;		/* Ctrl-A was the last key */
	struct termios saved;
};

/* Single characters, no echo, no signals; output unchanged. */
void vmm_terminal_init(struct vmm_terminal *t);
void vmm_terminal_restore(const struct vmm_terminal *t);

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
