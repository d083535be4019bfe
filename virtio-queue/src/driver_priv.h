/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The members of struct vq_driver, and what the files of the driver side share. */
#ifndef VIRTIO_QUEUE_PRIV_DRIVER_PRIV_H
#define VIRTIO_QUEUE_PRIV_DRIVER_PRIV_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/driver.h>

#include "ring.h"

/* A request that the device owns. */
struct vq_priv_held {
	uint32_t writable;	/* bytes that the device may write */
	uint16_t nslots;	/* descriptors in the ring; 0: not in use */
	uint16_t last;		/* split: its last descriptor; packed: the id */
};

/* A buffer id, in private memory that the device cannot write. */
struct vq_priv_request {
	uint64_t cookie;
	struct vq_priv_held held;
	uint16_t next;		/* link of the free list and (split) of a chain */
	uint16_t order;		/* unrelated to this id: member n of the array is the n-th id
				   in the order of arrival */
};

struct vq_priv_driver_ops {
	/* vq_driver_add(), vq_driver_publish(), vq_driver_collect() */
	int (*add)(struct vq_driver *d, const struct vq_buffer *buffers,
		   unsigned int n, uint64_t cookie);
	bool (*publish)(struct vq_driver *d);
	int (*collect)(struct vq_driver *d, uint64_t *cookie,
		       uint32_t *written);
	/* Returns the next used request: 1 with id and length; 0; -EBADMSG. */
	int (*peek)(const struct vq_driver *d, uint16_t *id, uint32_t *len);
	/* Completes that request, or an earlier one. */
	void (*finish)(struct vq_driver *d, uint16_t id, uint32_t len,
		       uint64_t *cookie, uint32_t *written);
	void (*disable_call)(struct vq_driver *d);
	bool (*enable_call)(struct vq_driver *d);
	/* The number of requests that the device owns. */
	unsigned int (*inflight)(const struct vq_driver *d);
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
	uint16_t free_head, free_tail;	/* of the list of free ids */
	uint32_t nfree;			/* slots of the ring */
	uint32_t nlisted;		/* packed: entries of the list, one per request; in a
					   split ring one per slot */
	uint32_t added;			/* packed: slots not published */
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t published;		/* split: next_avail at the last publish */
	uint16_t first;			/* packed: first slot not published */
	bool first_wrap;
	uint64_t first_word;
	/* in order: the device may name only the last of several requests (2.7.9) */
	uint32_t order_in, order_out;
	bool in_batch;
	uint16_t batch_id;
	uint32_t batch_len;
	struct vq_priv_request requests[];	/* size */
};

extern const struct vq_priv_driver_ops vq_priv_driver_split;
extern const struct vq_priv_driver_ops vq_priv_driver_packed;

/* driver_order.c: used by both formats, outside their fast paths */
/* Declares the ring broken: it is not read again. Returns -EBADMSG. */
int vq_priv_driver_break(struct vq_driver *d) VSU_COLD;

/* Collects from a ring with IN_ORDER or from a broken one. */
int vq_priv_driver_collect_rare(struct vq_driver *d, uint64_t *cookie,
				uint32_t *written);

/* The guest address and the host address of the indirect table of an id. */
static inline uint64_t vq_priv_driver_table(const struct vq_driver *d, uint16_t id,
					    unsigned char **hva)
{
	uint64_t off = (uint64_t)id * d->indirect_max * RING_DESC_SIZE;

	*hva = d->indirect + off;
	return d->indirect_gpa + off;
}

/*
 * Parts of both formats. Inline, so that they are compiled for each format and for the most
 * frequent case, a single buffer.
 */
#define DRIVER_INLINE static inline __attribute__((always_inline))

/*
 * True if the buffers are valid: at least one, and readable ones first. *writable receives
 * the bytes that the device may store.
 */
DRIVER_INLINE bool vq_priv_buffers_read(const struct vq_buffer *buffers,
					unsigned int n, uint32_t *writable)
{
	uint64_t len = 0;
	bool writing = false;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (writing && !buffers[i].writable)
			return false;
		writing = buffers[i].writable;
		len += writing ? buffers[i].len : 0;
	}
	*writable = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
	return n > 0;
}

/* Checks that a request of nslots fits: 0, or the error of add(). */
DRIVER_INLINE int vq_priv_request_check(const struct vq_driver *d,
					const struct vq_buffer *buffers,
					unsigned int n, uint32_t nslots,
					uint32_t *writable)
{
	if (!vq_priv_buffers_read(buffers, n, writable) || nslots > d->size)
		return -EINVAL;
	return VSU_UNLIKELY(nslots > d->nfree) ? -ENOSPC : 0;
}

DRIVER_INLINE void vq_priv_note_order(struct vq_driver *d, uint16_t id)
{
	d->requests[d->order_in].order = id;
	if (++d->order_in == d->size)
		d->order_in = 0;
}

/* Records the request with this id; next is the following free id. */
DRIVER_INLINE void vq_priv_request_note(struct vq_driver *d, uint16_t id,
					struct vq_priv_held held, uint16_t next,
					uint64_t cookie)
{
	struct vq_priv_request *r = &d->requests[id];

	r->cookie = cookie;
	r->held = held;
	d->free_head = next;
	d->nfree -= held.nslots;
	if (VSU_UNLIKELY(d->in_order))
		vq_priv_note_order(d, id);
}

/*
 * Completes a request and appends its id to the free list, which is not empty if listed.
 * Requests that complete in order then use descriptors in the order of the table, as
 * section 2.7.5 requires of rings with IN_ORDER.
 */
DRIVER_INLINE void vq_priv_request_done(struct vq_driver *d, uint16_t id,
					uint32_t len, bool listed,
					uint64_t *cookie, uint32_t *written)
{
	struct vq_priv_request *r = &d->requests[id];
	const struct vq_priv_held held = r->held;

	*cookie = r->cookie;
	/* Some devices report more than they may write, so limit the length. */
	*written = len < held.writable ? len : held.writable;
	if (VSU_LIKELY(listed))
		d->requests[d->free_tail].next = id;
	else
		d->free_head = id;
	d->free_tail = held.last;
	d->nfree += held.nslots;
	r->held.nslots = 0;
}

/* vq_driver_collect() by a format's peek() and finish(), which are inlined. */
DRIVER_INLINE int vq_priv_collect(
		struct vq_driver *d, uint64_t *cookie, uint32_t *written,
		int (*peek)(const struct vq_driver *, uint16_t *, uint32_t *),
		void (*finish)(struct vq_driver *, uint16_t, uint32_t,
			       uint64_t *, uint32_t *))
{
	uint32_t len = 0;
	uint16_t id = 0;
	int rc;

	if (VSU_UNLIKELY(d->broken || d->in_order))
		return vq_priv_driver_collect_rare(d, cookie, written);
	rc = peek(d, &id, &len);
	if (VSU_UNLIKELY(rc <= 0))
		return rc < 0 ? vq_priv_driver_break(d) : 0;
	finish(d, id, len, cookie, written);
	return 1;
}

/* Flags of the descriptor of a buffer; more: another buffer follows. */
static inline uint16_t vq_priv_buffer_flags(const struct vq_buffer *b,
					    bool more)
{
	return (uint16_t)((b->writable ? RING_DESC_WRITE : 0) |
			  (more ? RING_DESC_NEXT : 0));
}

#endif
