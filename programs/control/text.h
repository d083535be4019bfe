/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Text in memory that is written by a stream. The C library's own stream in memory reports no error
 * when memory ends, and keeps the beginning of the text.
 *
 * Threads: one at a time for a text.
 */
#ifndef VMM_CONTROL_TEXT_H
#define VMM_CONTROL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct vmm_text {
	FILE *to;	/* write to it */
	char *bytes;	/* after close: all of them, and a NUL; NULL: there was no memory */
	size_t len, room;
	bool is_lost;	/* a part of it */
};

/* False: no memory. The text stays where it is until it was closed. */
bool vmm_text_open(struct vmm_text *t);

/* The caller frees bytes. False: no memory, and there are none. */
bool vmm_text_close(struct vmm_text *t);

#endif
