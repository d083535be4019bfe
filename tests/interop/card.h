/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network card behind a vhost-user socket, as its driver has it: pairs of a
 * receiving and a sending ring, and the memory for both.
 */
#ifndef INTEROP_CARD_H
#define INTEROP_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "ring.h"

#define CARD_PAIRS 4u
/* Frames under way: their receive buffers are a part of those that there are. */
#define CARD_BATCH 32u
/* Of a receive buffer, and of a frame that is sent. */
#define CARD_RX_ROOM 2048u
#define CARD_TX_ROOM 16384u

struct pair {
	struct ring rx, tx;
	uint32_t sent, came;	/* numbers of frames */
};

struct card {
	struct client client;
	struct vmem_map *map;
	uint64_t features;
	unsigned int npairs;
	bool packed, small, swapped;
	bool eight;		/* regions, else three */
	bool listens;		/* the device's end connects */
	struct pair pairs[CARD_PAIRS];
};

/* On a client that is open; card_close() is for failures, too. */
enum vsu_exit card_start(struct card *c, struct vsu_error *err);
void card_close(struct card *c);

/* From where they stopped, and on; what was received stays received. */
enum vsu_exit card_restart(struct card *c, struct vsu_error *err);
enum vsu_exit card_stop(struct card *c, struct vsu_error *err);

/* Gives a receive buffer to the device; 0 or a negative errno. */
int card_offer(struct card *c, unsigned int pair, uint64_t slot);

unsigned char *card_rx(const struct card *c, unsigned int pair, uint64_t slot);
uint64_t card_tx_gpa(unsigned int pair, uint64_t slot);
unsigned char *card_tx(const struct card *c, unsigned int pair, uint64_t slot);

#endif
