/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How far a copy is, on standard error, a few times a second. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	bool shown;		/* a line is there that is not ended */
	uint64_t total;		/* bytes; 0: not known */
	uint64_t started_ns, next_ns;
};

/* Shows where standard error is a terminal, or where it is asked for. */
void progress_begin(struct progress *p, bool wanted, uint64_t total);
void progress_at(struct progress *p, uint64_t done);
/* ok: the last state is shown; otherwise the line is only ended. */
void progress_end(struct progress *p, uint64_t done, bool ok);

#endif
