/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A floor of the device side of a virtqueue: loops without library, with each check that
 * the library makes.
 */
#ifndef BENCH_QUEUE_FLOOR_H
#define BENCH_QUEUE_FLOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vm-memory/map.h>

#define QUEUE_FLOOR_BATCH	16u	/* most chains at a time */
#define QUEUE_FLOOR_PIECES	16u	/* most pieces of a chain */
#define QUEUE_FLOOR_SIZE	256u	/* most entries of the ring */

struct queue_floor_chain {
	struct iovec *iov;
	uint32_t iov_max;
	uint16_t head, slots;
	uint32_t readable, pieces;	/* number of pieces, those to read first */
	uint32_t readable_len, len;
};

struct queue_floor {
	const struct vmem_view *view;
	const struct vmem_range *last;	/* of the last translation */
	const uint64_t *generation;	/* the space's, and the view's */
	uint64_t seen;
	unsigned char *desc, *driver, *device;
	uint32_t size;
	uint32_t table_limit;		/* most entries of a table; 0: not negotiated */
	bool packed;
	uint16_t next_avail, avail_idx, next_used;
	uint32_t avail_flags;		/* packed: those of the current lap */
	uint64_t used_flags;
	uint32_t used_slots;		/* packed: slots in flight */
	uint32_t calls;			/* notifications that the driver asked for */
	uint8_t out[QUEUE_FLOOR_SIZE];	/* whether a head is in flight */
	struct iovec iov[QUEUE_FLOOR_BATCH][QUEUE_FLOOR_PIECES];
	struct queue_floor_chain chains[QUEUE_FLOOR_BATCH];
};

/* The caller sets the members before next_avail. */
void queue_floor_init(struct queue_floor *f);

/* Serves n chains that are available, and publishes each. */
void queue_floor_each(struct queue_floor *f, uint32_t n);

/* Serves n chains that are available as one batch, which is published once. */
void queue_floor_batch(struct queue_floor *f, uint32_t n);

#endif
