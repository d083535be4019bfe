/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver that writes and reads a disk behind a vhost-user socket and knows
 * what each block has to hold. Every write gives its block a new version; a
 * read finds the version that was written last, whole.
 *
 * The ledger of versions may outlive the driver, in memory that several
 * processes share: the next driver then knows that a block whose write was not
 * seen to be finished holds the old version or the new one, and from the first
 * look on only that.
 */
#ifndef INTEROP_BLOCK_LOAD_H
#define INTEROP_BLOCK_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lasting.h"

#define LOAD_BLOCK 4096u	/* bytes */
#define LOAD_BLOCKS 1024u
#define LOAD_SLOTS 16u		/* requests at once */

struct load_ledger {
	uint64_t begun[LOAD_BLOCKS];	/* the last version that was asked for */
	uint64_t held[LOAD_BLOCKS];	/* ... and that is known to be there */
	uint64_t finished;		/* requests */
};

struct load_slot {
	bool busy, write;
	uint32_t block;
	uint64_t version;
};

struct load {
	struct load_ledger *ledger;
	struct lasting session;
	uint64_t seed;			/* of all that is left to chance */
	struct load_slot slots[LOAD_SLOTS];
	bool taken[LOAD_BLOCKS];	/* by a slot */
	unsigned int nbusy;
};

/* From 0 to below. */
uint32_t load_random(struct load *l, uint32_t below);

/*
 * A session with its ring started; features beside those that it needs. Whatever
 * goes wrong from here on ends the process with 1 and a line.
 */
void load_open(struct load *l, struct load_ledger *ledger, const char *socket,
	       uint64_t features, uint64_t seed, bool reconnect);

/* One turn: requests for all free slots, then what is there, after ms at most. */
void load_turn(struct load *l, int ms);

/* Turns until nothing is asked for any more. */
void load_settle(struct load *l);

/* Reads every block once. */
void load_check(struct load *l);

/* The ring is given back where in_order, and all is freed. */
void load_close(struct load *l, bool in_order);

#endif
