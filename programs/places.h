/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Places of a server's clients: which one a new client has. Clients that send nothing must not keep others out.
 *
 * Threads: no state.
 */
#ifndef PROGRAMS_PLACES_H
#define PROGRAMS_PLACES_H

#include <stdint.h>

enum prog_place_use {
	PROG_PLACE_FREE,
	PROG_PLACE_IDLE,	/* its client has no complete request */
	PROG_PLACE_BUSY,
};

struct prog_place {
	enum prog_place_use use;
	uint64_t arrival;	/* of its client: the number of those before */
};

/* Returns the index of a free place, or of the idle client that arrived first. -1: all are busy. */
int prog_place_find(const struct prog_place *places, unsigned int n);

#endif
