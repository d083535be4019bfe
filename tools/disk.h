/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk behind a vhost-user back-end, as a driver uses it: one virtqueue in
 * memory that is shared with the back-end, and a fixed number of requests with
 * a data buffer each, which the back-end reads and writes in place.
 *
 *   slot   one request: header, status and buffer; numbered from 0
 */
#ifndef TOOLS_DISK_H
#define TOOLS_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>

#include "blk.h"
#include "client.h"
#include "ring.h"

struct disk {
	struct client client;
	struct blk_config config;
	uint64_t features;
	uint64_t size;			/* bytes */
	uint32_t block;			/* offsets and lengths are multiples */
	uint32_t chunk;			/* size of a buffer, bytes */
	uint32_t nslots;
	uint32_t queue;

	struct vmem_map *map;
	struct ring ring;
	uint64_t tables_gpa, headers_gpa, data_gpa;
};

/*
 * Connects, reads the configuration, starts virtqueue queue with room for
 * nslots requests, or for as many as fit into the largest ring that the
 * back-end takes (d->nslots). On failure there is nothing to close.
 */
enum vsu_exit disk_open(struct disk *d, const char *socket, uint32_t queue,
			uint32_t nslots, struct vsu_error *err);

/* in_order: the back-end is asked to let go of the ring before the hang-up. */
void disk_close(struct disk *d, bool in_order);

unsigned char *disk_buffer(struct disk *d, uint32_t slot);

/*
 * Adds a request; len is 0 for a flush. The back-end sees it after
 * disk_kick().
 */
enum vsu_exit disk_submit(struct disk *d, uint32_t slot,
			  enum virtdev_blk_type type, uint64_t offset,
			  uint32_t len, struct vsu_error *err);
void disk_kick(struct disk *d);

/* A finished request: 1 and its slot; 0: none; negative: the ring is broken. */
int disk_collect(struct disk *d, uint32_t *slot);

/* Status byte of a finished request; BLK_STATUS_NONE if the device wrote none. */
uint8_t disk_status(struct disk *d, uint32_t slot);

/* True when a finished request may be there already. */
bool disk_want_call(struct disk *d);

#endif
