/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Standard input and output where they are a terminal: its modes while a
 * guest has it, and the keys that are not for the guest.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TERMINAL_H
#define VMM_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct vmm_terminal {
	/* before vmm_terminal_init() */
	int in_fd;		/* borrowed; -1: none */
	void (*leave)(void *opaque);	/* Ctrl-A x */
	void (*tell)(void *opaque);	/* Ctrl-A c: of itself */
	void *opaque;

	bool raw;		/* it is a terminal, and its modes were changed */
	bool escaped;		/* Ctrl-A was the last key */
	struct termios saved;
};

/* Characters one by one, no echo, no signals; output as it was. */
void vmm_terminal_init(struct vmm_terminal *t);
void vmm_terminal_restore(const struct vmm_terminal *t);

/* Leaves the typed bytes that go to the guest, in place; how many. */
size_t vmm_terminal_filter(struct vmm_terminal *t, unsigned char *bytes,
			   size_t n);

/*
 * A terminal or pipe opened once more, so that this opening of it alone does
 * not block, or -1.
 */
int vmm_terminal_reopen(int out_fd);

#endif
