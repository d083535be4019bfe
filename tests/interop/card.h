/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network card behind a vhost-user socket, from the driver's side: pairs of a
 * receive and a transmit ring, and memory for both.
 */
#ifndef INTEROP_CARD_H
#define INTEROP_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "ring.h"

#define CARD_PAIRS 4u
/*
 * Maximum number of frames in flight, which use only part of the receive
 * buffers.
 */
#define CARD_BATCH 32u
/* Size of a receive buffer and of a transmitted frame. */
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
	bool eight;		/* memory in eight regions instead of three */
	bool listens;		/* the device connects to the driver's socket */
	struct pair pairs[CARD_PAIRS];
};

/* Requires an open client; call card_close() also after a failure. */
enum vsu_exit card_start(struct card *c, struct vsu_error *err);
void card_close(struct card *c);

/*
 * Continues at the positions where the rings stopped; received frames stay
 * received.
 */
enum vsu_exit card_restart(struct card *c, struct vsu_error *err);
enum vsu_exit card_stop(struct card *c, struct vsu_error *err);

/* Makes a receive buffer available; 0 or a negative errno. */
int card_offer(struct card *c, unsigned int pair, uint64_t slot);

unsigned char *card_rx(const struct card *c, unsigned int pair, uint64_t slot);
uint64_t card_tx_gpa(unsigned int pair, uint64_t slot);
unsigned char *card_tx(const struct card *c, unsigned int pair, uint64_t slot);

#endif
