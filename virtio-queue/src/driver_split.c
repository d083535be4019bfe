/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver side of split rings (VIRTIO 1.3, section 2.7). The links of chains and of the
 * free list are kept in private memory: the table in the ring is written and never read.
 */
#include <config.h>

#include <errno.h>

#include "driver_priv.h"
#include "ring.h"

static uint16_t index_mask(const struct vq_driver *d, uint16_t index)
{
	return index & (uint16_t)(d->size - 1);
}

static unsigned char *used_event(const struct vq_driver *d)
{
	return d->driver + RING_ENTRIES + 2 * d->size;
}

static const unsigned char *avail_event(const struct vq_driver *d)
{
	return d->device + RING_ENTRIES + 8 * d->size;
}

/* An indirect table links its entries in order. */
static void fill_table(unsigned char *table, const struct vq_buffer *buffers,
		       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		ring_store_desc(table + i * RING_DESC_SIZE, buffers[i].gpa,
				ring_word(buffers[i].len,
					  vq_priv_buffer_flags(&buffers[i], i + 1 < n),
					  (uint16_t)(i + 1 < n ? i + 1 : 0)));
}

static inline void put_desc(struct vq_driver *d, uint16_t at,
			    const struct vq_buffer *buffer, bool more,
			    uint16_t next)
{
	ring_store_desc(d->desc + (uint32_t)at * RING_DESC_SIZE, buffer->gpa,
			ring_word(buffer->len,
				  vq_priv_buffer_flags(buffer, more), next));
}

/* Fills n > 0 descriptors of the free list, from at; returns the last one. */
DRIVER_INLINE uint16_t fill_direct(struct vq_driver *d, uint16_t at,
				   const struct vq_buffer *buffers,
				   unsigned int n)
{
	uint16_t next;

	for (; n > 1; n--, buffers++, at = next) {
		next = d->requests[at].next;
		put_desc(d, at, buffers, true, next);
	}
	put_desc(d, at, buffers, false, 0);
	return at;
}

static uint16_t fill_indirect(struct vq_driver *d, uint16_t head,
			      const struct vq_buffer *buffers, unsigned int n)
{
	unsigned char *table;
	uint64_t gpa = vq_priv_driver_table(d, head, &table);

	fill_table(table, buffers, n);
	ring_store_desc(d->desc + (uint32_t)head * RING_DESC_SIZE, gpa,
			ring_word(n * RING_DESC_SIZE, RING_DESC_INDIRECT, 0));
	return head;
}

/*
 * The free entry behind a request. If requests complete in order, it is the next one of the
 * table: a predicted branch then lets the processor write the next request before it has
 * loaded the link.
 */
DRIVER_INLINE uint16_t next_free(const struct vq_driver *d, uint16_t last)
{
	uint16_t next = d->requests[last].next, behind = (uint16_t)(last + 1);

	if (VSU_UNLIKELY(next != behind))
		return next;
	__asm__("" : "+r"(behind));
	return behind;
}

static inline void put_avail(struct vq_driver *d, uint16_t head)
{
	uint16_t index = d->next_avail++;

	ring_store16(d->driver + RING_ENTRIES + 2u * index_mask(d, index),
		     head);
}

/* Inline, so that it is compiled for one buffer. */
DRIVER_INLINE int add_request(struct vq_driver *d,
			      const struct vq_buffer *buffers, unsigned int n,
			      bool indirect, uint64_t cookie)
{
	struct vq_priv_held held = { .nslots = (uint16_t)(indirect ? 1 : n) };
	const uint16_t head = d->free_head;
	int rc = vq_priv_request_check(d, buffers, n, indirect ? 1 : n,
				       &held.writable);

	if (VSU_UNLIKELY(rc < 0))
		return rc;
	held.last = indirect ? fill_indirect(d, head, buffers, n) :
		    fill_direct(d, head, buffers, n);
	put_avail(d, head);
	vq_priv_request_note(d, head, held, next_free(d, held.last), cookie);
	return 0;
}

/* Out of line, so that a single buffer spills no registers. */
static __attribute__((noinline)) int
add_many(struct vq_driver *d, const struct vq_buffer *buffers, unsigned int n,
	 uint64_t cookie)
{
	return add_request(d, buffers, n, n <= d->indirect_max, cookie);
}

static int split_add(struct vq_driver *d, const struct vq_buffer *buffers,
		     unsigned int n, uint64_t cookie)
{
	return n == 1 ? add_request(d, buffers, 1, false, cookie) :
	       add_many(d, buffers, n, cookie);
}

static bool split_publish(struct vq_driver *d)
{
	uint16_t old = d->published;

	if (d->next_avail == old)
		return false;
	/* pairs with the device's acquire: entries and descriptors */
	ring_store16_release(d->driver + RING_IDX, d->next_avail);
	d->published = d->next_avail;
	ring_fence();
	if (d->has_event_idx)
		return ring_need_event(ring_load16(avail_event(d)),
				       d->next_avail, old);
	return !(ring_load16(d->device + RING_FLAGS) & RING_NO_NOTIFY);
}

/* The number of used elements that were not collected, or -EBADMSG if it is impossible. */
static inline int split_used(const struct vq_driver *d)
{
	uint16_t n = (uint16_t)(ring_load16_acquire(d->device + RING_IDX) -
				d->next_used);

	return n > d->size ? -EBADMSG : n;
}

DRIVER_INLINE int split_peek(const struct vq_driver *d, uint16_t *id,
			     uint32_t *len)
{
	uint64_t element;
	int n = split_used(d);

	if (n <= 0)
		return n;
	element = ring_load64(d->device + RING_ENTRIES +
			      8u * index_mask(d, d->next_used));
	if ((uint32_t)element >= d->size ||
	    !d->requests[(uint32_t)element].held.nslots)
		return -EBADMSG;
	*id = (uint16_t)element;
	*len = (uint32_t)(element >> 32);
	return 1;
}

/* Each free descriptor is in the list, so all of the request's are appended. */
DRIVER_INLINE void split_finish(struct vq_driver *d, uint16_t id,
				uint32_t len, uint64_t *cookie,
				uint32_t *written)
{
	d->next_used++;
	vq_priv_request_done(d, id, len, d->nfree > 0, cookie, written);
}

static int split_collect(struct vq_driver *d, uint64_t *cookie,
			 uint32_t *written)
{
	return vq_priv_collect(d, cookie, written, split_peek, split_finish);
}

static unsigned int split_inflight(const struct vq_driver *d)
{
	return (uint16_t)(d->next_avail - d->next_used);
}

static uint16_t split_position(const struct vq_driver *d)
{
	return d->next_avail;
}

/* With an event index, requests a call for an index that has just passed, so none occurs. */
static void split_disable_call(struct vq_driver *d)
{
	if (d->has_event_idx)
		ring_store16(used_event(d), (uint16_t)(d->next_used - 1));
	else
		ring_store16(d->driver + RING_FLAGS, RING_NO_INTERRUPT);
}

static bool split_enable_call(struct vq_driver *d)
{
	if (d->has_event_idx)
		ring_store16(used_event(d), d->next_used);
	else
		ring_store16(d->driver + RING_FLAGS, 0);
	ring_fence();
	return split_used(d) != 0;
}

const struct vq_priv_driver_ops vq_priv_driver_split = {
	.add = split_add,
	.publish = split_publish,
	.collect = split_collect,
	.peek = split_peek,
	.finish = split_finish,
	.disable_call = split_disable_call,
	.enable_call = split_enable_call,
	.inflight = split_inflight,
	.position = split_position,
};
