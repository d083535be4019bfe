/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block driver for a vhost-user back-end: virtqueues in memory shared with the
 * back-end, and a fixed number of requests with a data buffer each, which the
 * back-end accesses in place.
 *
 *   slot   one request: header, status and buffer; numbered from 0,
 *          those of the first queue before those of the second
 */
#ifndef TOOLS_DISK_H
#define TOOLS_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>

#include "blk.h"
#include "client.h"
#include "ring.h"

/* Maximum number of queues that one driver uses. */
#define DISK_QUEUES 16u

struct disk {
	struct client client;
	struct blk_config config;
	uint64_t features;
	uint64_t size;			/* bytes */
	uint32_t block;			/* offsets and lengths are multiples */
	uint32_t chunk;			/* size of a buffer, bytes */
	uint32_t nslots;		/* of each queue */
	uint32_t queue, nqueues;	/* from queue on */
	uint32_t next;			/* ring whose completions are collected first */

	struct vmem_map *map;
	struct ring rings[DISK_QUEUES];
	int call_fd;			/* signalled by all rings */
	uint64_t tables_at, stride;	/* tables of a ring behind its start; ring to ring */
	uint64_t headers_gpa, data_gpa;
};

/*
 * Connects, reads the configuration, and starts nqueues virtqueues from queue on
 * with nslots slots each, or fewer if the back-end accepts only a smaller ring
 * (d->nslots). On failure nothing needs to be closed.
 */
enum vsu_exit disk_open(struct disk *d, const char *socket, uint32_t queue,
			uint32_t nqueues, uint32_t nslots, struct vsu_error *err);

/* in_order: stop the ring before disconnecting. */
void disk_close(struct disk *d, bool in_order);

unsigned char *disk_buffer(struct disk *d, uint32_t slot);

/* Adds a request; len is 0 for a flush. disk_kick() makes it visible. */
enum vsu_exit disk_submit(struct disk *d, uint32_t slot,
			  enum virtdev_blk_type type, uint64_t offset,
			  uint32_t len, struct vsu_error *err);
void disk_kick(struct disk *d);

/* Returns 1 and the slot of a completed request; 0: none; < 0: ring broken. */
int disk_collect(struct disk *d, uint32_t *slot);

/* Status byte of a completed request; BLK_STATUS_NONE if not written. */
uint8_t disk_status(struct disk *d, uint32_t slot);

/* Returns true if a completed request may be available. */
bool disk_want_call(struct disk *d);

#endif
