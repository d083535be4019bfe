/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Virtqueues of one session, from the driver's side: adjacent ones of the device, in memory
 * that the back-end shares, with room for the requests of the caller.
 */
#ifndef TOOLS_QUEUES_H
#define TOOLS_QUEUES_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>

#include "client.h"
#include "ring.h"

#define QUEUES_MAX 32u

/* Requirements of a driver. */
struct queues_plan {
	uint32_t first, n;	/* virtqueues of the device */
	uint32_t slots;		/* requests in each at once */
	uint32_t chain;		/* maximum buffers of a request */
	uint64_t room;		/* bytes for all requests */
};

/* A completed request. */
struct queues_used {
	uint32_t ring;		/* index in rings */
	uint32_t written;	/* bytes, as the device reports */
	uint64_t cookie;
};

struct queues {
	struct client client;
	uint64_t features;	/* negotiated */
	uint32_t first, n;
	uint32_t size;		/* entries of a ring */
	uint32_t next;		/* ring whose completions are collected first */
	int call_fd;		/* signalled by all rings */
	uint64_t room_gpa;	/* of the room, a multiple of 4096 */
	struct vmem_map *map;
	struct ring rings[QUEUES_MAX];
};

/*
 * Connects, and negotiates VERSION_1 and those of the wanted features that are offered.
 * required are protocol features. On failure nothing needs to be closed.
 */
enum vsu_exit queues_open(struct queues *q, const char *socket, uint64_t required,
			  uint64_t wanted, struct vsu_error *err);
/* Call queues_close() also after a failure. */
enum vsu_exit queues_start(struct queues *q, const struct queues_plan *plan,
			   struct vsu_error *err);
/* in_order: stop the rings before disconnecting. */
void queues_close(struct queues *q, bool in_order);

/* Returns whether the session ended because its rings are too large for the back-end. */
bool queues_refused(const struct queues *q);
/* Requests that fit in a ring of this size. */
uint32_t queues_slots(const struct queues *q, uint32_t size, uint32_t chain);
#define QUEUES_MIN_SIZE 8u

/* Bytes of the guest's memory. */
unsigned char *queues_at(const struct queues *q, uint64_t gpa, uint64_t len);

/* Makes added requests of all rings visible, and kicks where necessary. */
void queues_kick(struct queues *q);
/* Fetches a completed request: 1; 0: none; < 0: the back-end broke a ring. */
int queues_collect(struct queues *q, struct queues_used *used);
/* Returns true if a completed request may be available. */
bool queues_want_call(struct queues *q);

#endif
