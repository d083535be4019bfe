/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver that writes and reads a disk behind a vhost-user socket and knows
 * the expected content of each block. Every write gives its block a new
 * version; a read must return the version that was written last, complete. The
 * ledger of versions may outlive the driver in shared memory. The next driver
 * then accepts the old or the new version of a block whose write was not
 * completed; after its first read it accepts only the version that it found.
 */
#ifndef INTEROP_BLOCK_LOAD_H
#define INTEROP_BLOCK_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "lasting.h"

#define LOAD_BLOCK 4096u	/* bytes */
#define LOAD_BLOCKS 1024u
#define LOAD_SLOTS 16u		/* maximum number of requests in flight */

struct load_ledger {
	uint64_t begun[LOAD_BLOCKS];	/* version of the last write that was sent */
	uint64_t held[LOAD_BLOCKS];	/* version that the block contains for certain */
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
	uint64_t seed;			/* of the random generator */
	struct load_slot slots[LOAD_SLOTS];
	bool taken[LOAD_BLOCKS];	/* a request for this block is in flight */
	unsigned int nbusy;
};

/* A random number from 0 to below - 1. */
uint32_t load_random(struct load *l, uint32_t below);

/*
 * Opens a session, negotiates the required features and those given, and starts
 * its ring. Later failures end the process with status 1 and a message.
 */
void load_open(struct load *l, struct load_ledger *ledger, const char *socket,
	       uint64_t features, uint64_t seed, bool reconnect);

/*
 * One turn: sends requests from all free slots, then handles completions,
 * waiting at most ms.
 */
void load_turn(struct load *l, int ms);

/* Runs turns until no request is in flight. */
void load_settle(struct load *l);

/* Reads every block once. */
void load_check(struct load *l);

/* Frees everything; with in_order, stops the ring first. */
void load_close(struct load *l, bool in_order);

#endif
