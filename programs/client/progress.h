/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Progress of a copy or a measurement on standard error, a few times per second. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	bool shown;		/* an unterminated line was printed */
	uint64_t total;		/* bytes, or requests; 0: unknown */
	const char *unit;	/* "MiB" until the caller changes it */
	uint64_t unit_size;
	uint64_t started_ns, next_ns;
};

/* Enabled if standard error is a terminal, or on request. */
void progress_begin(struct progress *p, bool wanted, uint64_t total);
void progress_at(struct progress *p, uint64_t done);
/* ok: print the final state; otherwise only terminate the line. */
void progress_end(struct progress *p, uint64_t done, bool ok);

#endif
