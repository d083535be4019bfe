/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver side of packed rings (VIRTIO 1.3, section 2.8). The flags of the first slot
 * that was added since the last publish are stored last. The device reads slots in order,
 * so that it then sees all of them at once.
 */
#include <config.h>

#include <errno.h>

#include "driver_priv.h"
#include "ring.h"

static unsigned char *slot_at(const struct vq_driver *d, uint32_t slot)
{
	return d->desc + slot * RING_DESC_SIZE;
}

/* Writes the next slot as available, except the first since the last publish. */
static void put_slot(struct vq_driver *d, uint64_t gpa, uint32_t len,
		     uint16_t id, uint16_t flags)
{
	uint64_t word = ring_word(len, id, (uint16_t)(flags |
			ring_avail_flags(d->avail_wrap)));
	unsigned char *slot = slot_at(d, d->next_avail);

	ring_store64(slot, gpa);
	if (d->added) {
		ring_store64(slot + 8, word);
	} else {
		d->first = d->next_avail;
		d->first_wrap = d->avail_wrap;
		d->first_word = word;
	}
	d->added++;
	ring_step(d->size, &d->next_avail, &d->avail_wrap, 1);
}

/* The entries of a table follow each other without links (2.8.7). */
static uint64_t fill_table(struct vq_driver *d, uint16_t id,
			   const struct vq_buffer *buffers, unsigned int n)
{
	unsigned char *table;
	uint64_t gpa = vq_priv_driver_table(d, id, &table);
	unsigned int i;

	for (i = 0; i < n; i++)
		ring_store_desc(table + i * RING_DESC_SIZE, buffers[i].gpa,
				ring_word(buffers[i].len, 0,
					  vq_priv_buffer_flags(&buffers[i], false)));
	return gpa;
}

/* Inline, so that it is compiled for one buffer. */
DRIVER_INLINE int add_request(struct vq_driver *d,
			      const struct vq_buffer *buffers, unsigned int n,
			      bool indirect, uint64_t cookie)
{
	struct vq_priv_held held = { .nslots = (uint16_t)(indirect ? 1 : n) };
	const uint16_t id = held.last = d->free_head;
	int rc = vq_priv_request_check(d, buffers, n, indirect ? 1 : n,
				       &held.writable);
	unsigned int i;

	if (VSU_UNLIKELY(rc < 0))
		return rc;
	if (indirect)
		put_slot(d, fill_table(d, id, buffers, n), n * RING_DESC_SIZE,
			 id, RING_DESC_INDIRECT);
	else
		for (i = 0; i < n; i++)
			put_slot(d, buffers[i].gpa, buffers[i].len, id,
				 vq_priv_buffer_flags(&buffers[i], i + 1 < n));
	vq_priv_request_note(d, id, held, d->requests[id].next, cookie);
	d->nlisted--;
	return 0;
}

/* Out of line, so that a single buffer spills no registers. */
static __attribute__((noinline)) int
add_many(struct vq_driver *d, const struct vq_buffer *buffers, unsigned int n,
	 uint64_t cookie)
{
	return add_request(d, buffers, n, n <= d->indirect_max, cookie);
}

static int packed_add(struct vq_driver *d, const struct vq_buffer *buffers,
		      unsigned int n, uint64_t cookie)
{
	return n == 1 ? add_request(d, buffers, 1, false, cookie) :
	       add_many(d, buffers, n, cookie);
}

static bool packed_publish(struct vq_driver *d)
{
	uint32_t now = ring_position(d->size, d->next_avail, d->avail_wrap);
	uint32_t old = ring_position(d->size, d->first, d->first_wrap);
	uint32_t event;

	if (!d->added)
		return false;
	/* pairs with the device's acquire, which sees later slots and data */
	ring_store64_release(slot_at(d, d->first) + 8, d->first_word);
	d->added = 0;
	ring_fence();
	event = ring_load32(d->device);
	return ring_event_flags(event) != RING_EVENT_DISABLE &&
	       ring_packed_wants(event, d->size, d->has_event_idx, now,
				 ring_distance(d->size, old, now));
}

/* Pairs with the device's release of the flags. */
static uint64_t load_next(const struct vq_driver *d)
{
	return ring_load64_acquire(slot_at(d, d->next_used) + 8);
}

DRIVER_INLINE int packed_peek(const struct vq_driver *d, uint16_t *id,
			     uint32_t *len)
{
	uint64_t word = load_next(d);

	if (!ring_word_is_used(word, d->used_wrap))
		return 0;
	*id = (uint16_t)(word >> 32);
	if (*id >= d->size || !d->requests[*id].held.nslots)
		return -EBADMSG;
	/* without the flag the length means nothing (2.8.6) */
	*len = word >> 48 & RING_DESC_WRITE ? (uint32_t)word : 0;
	return 1;
}

/* A request of several slots has one entry in the list. */
DRIVER_INLINE void packed_finish(struct vq_driver *d, uint16_t id,
				uint32_t len, uint64_t *cookie,
				uint32_t *written)
{
	ring_step(d->size, &d->next_used, &d->used_wrap,
		  d->requests[id].held.nslots);
	vq_priv_request_done(d, id, len, d->nlisted > 0, cookie, written);
	d->nlisted++;
}

static int packed_collect(struct vq_driver *d, uint64_t *cookie,
			  uint32_t *written)
{
	return vq_priv_collect(d, cookie, written, packed_peek, packed_finish);
}

static void packed_disable_call(struct vq_driver *d)
{
	ring_store32(d->driver, RING_EVENT_DISABLE << 16);
}

static bool packed_enable_call(struct vq_driver *d)
{
	uint32_t where = d->next_used | (d->used_wrap ? RING_WRAP : 0);

	ring_store32(d->driver, d->has_event_idx ?
		     RING_EVENT_DESC << 16 | where : RING_EVENT_ENABLE << 16);
	ring_fence();
	return ring_word_is_used(load_next(d), d->used_wrap);
}

static unsigned int packed_inflight(const struct vq_driver *d)
{
	return d->size - d->nlisted;
}

static uint16_t packed_position(const struct vq_driver *d)
{
	return (uint16_t)(d->next_avail | (d->avail_wrap ? RING_WRAP : 0));
}

const struct vq_priv_driver_ops vq_priv_driver_packed = {
	.add = packed_add,
	.publish = packed_publish,
	.collect = packed_collect,
	.peek = packed_peek,
	.finish = packed_finish,
	.disable_call = packed_disable_call,
	.enable_call = packed_enable_call,
	.inflight = packed_inflight,
	.position = packed_position,
};
