/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The driver side behind its handle, and what its files share. */
#ifndef VIRTIO_QUEUE_PRIV_DRIVER_PRIV_H
#define VIRTIO_QUEUE_PRIV_DRIVER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/driver.h>

#include "ring.h"

/* A buffer id as we know it; the device cannot write here. */
struct vq_priv_request {
	uint64_t cookie;
	uint32_t writable;	/* bytes that the device may write */
	uint16_t nslots;	/* descriptors in the ring; 0: not in use */
	uint16_t last;		/* split: its last descriptor; packed: the id */
	uint16_t next;		/* of free ones, and (split) along a chain */
	uint16_t order;		/* not of this id: the table's n-th member is
				   the n-th id in the order of arrival */
};

struct vq_priv_driver_ops {
	/*
	 * Writes a request with the id free_head: its buffers, or one slot
	 * for an indirect table. Returns the last entry of the free list that
	 * it took. The ring has room and the buffers are in order.
	 */
	uint16_t (*add)(struct vq_driver *d, const struct vq_buffer *buffers,
			unsigned int n, bool indirect);
	bool (*publish)(struct vq_driver *d);
	/* The next used request: 1 with id and length, 0, -EBADMSG. */
	int (*peek)(const struct vq_driver *d, uint16_t *id, uint32_t *len);
	/* Moves over what a request takes in the used direction. */
	void (*advance)(struct vq_driver *d, uint16_t nslots);
	void (*disable_call)(struct vq_driver *d);
	bool (*enable_call)(struct vq_driver *d);
	/* The upper half of a notification with data. */
	uint16_t (*position)(const struct vq_driver *d);
};

struct vq_driver {
	const struct vq_priv_driver_ops *ops;
	struct vmem_map *map;		/* counted */
	const struct vmem_view *view;
	struct vq_layout layout;
	uint64_t gpa;
	unsigned char *desc, *driver, *device;
	unsigned char *indirect;	/* tables, or NULL */
	uint64_t indirect_gpa;
	uint32_t indirect_max;
	uint32_t size;
	bool has_event_idx, in_order, has_notification_data;
	bool broken;
	bool avail_wrap, used_wrap;	/* packed */
	uint16_t free_head, free_tail;	/* of the list through next */
	uint32_t nfree;			/* slots of the ring */
	uint32_t nlisted;		/* entries of the list: as many in a split
					   ring, where every slot is one; in a
					   packed one only requests take one */
	uint32_t inflight;		/* requests */
	uint32_t added;			/* slots (packed) or requests that are
					   not published */
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t published;		/* split: next_avail of that time */
	uint16_t first;			/* packed: first slot not published */
	bool first_wrap;
	uint64_t first_word;
	/* in order: the device may name the last of several only (2.7.9) */
	uint32_t order_in, order_out;
	bool in_batch;
	uint16_t batch_id;
	uint32_t batch_len;
	struct vq_priv_request requests[];	/* size */
};

extern const struct vq_priv_driver_ops vq_priv_driver_split;
extern const struct vq_priv_driver_ops vq_priv_driver_packed;

/* The guest and the host address of an id's indirect table. */
static inline uint64_t vq_priv_driver_table(const struct vq_driver *d, uint16_t id,
					    unsigned char **hva)
{
	uint64_t off = (uint64_t)id * d->indirect_max * RING_DESC_SIZE;

	*hva = d->indirect + off;
	return d->indirect_gpa + off;
}

/* Descriptor flags of a buffer, linked to one more or not. */
static inline uint16_t vq_priv_buffer_flags(const struct vq_buffer *b,
					    bool more)
{
	return (uint16_t)((b->writable ? RING_DESC_WRITE : 0) |
			  (more ? RING_DESC_NEXT : 0));
}

#endif
