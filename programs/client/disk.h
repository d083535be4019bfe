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

#include "blk.h"
#include "queues.h"

/* Maximum number of queues that one driver uses. */
#define DISK_QUEUES 16u

struct disk {
	struct queues q;
	struct blk_config config;
	uint64_t size;		/* bytes */
	uint32_t block;		/* offsets and lengths are multiples */
	uint32_t chunk;		/* size of a buffer, bytes */
	uint32_t nslots;	/* of each queue */
	uint64_t data_gpa;	/* of the buffers */
};

/*
 * Connects, reads the configuration, and starts nqueues virtqueues from queue on
 * with nslots slots each, or fewer if the back-end accepts only a smaller ring
 * (d->nslots). On failure nothing needs to be closed; otherwise call queues_close().
 */
enum vsu_exit disk_open(struct disk *d, const char *socket, uint32_t queue,
			uint32_t nqueues, uint32_t nslots, struct vsu_error *err);

unsigned char *disk_buffer(struct disk *d, uint32_t slot);

/*
 * Adds a request, whose cookie is the slot; len is 0 for a flush. queues_kick() makes it
 * visible, and queues_collect() fetches it when it is completed.
 */
enum vsu_exit disk_submit(struct disk *d, uint32_t slot,
			  enum virtdev_blk_type type, uint64_t offset,
			  uint32_t len, struct vsu_error *err);

/* Status byte of a completed request; BLK_STATUS_NONE if not written. */
uint8_t disk_status(struct disk *d, uint32_t slot);

#endif
