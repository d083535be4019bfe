/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Sizes of the areas of a packed ring, and its start: at a base, or at the position of a
 * previous process in an in-flight area.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "packed.h"

static uint64_t packed_desc_len(uint32_t size)
{
	return (uint64_t)size * RING_DESC_SIZE;
}

static uint64_t packed_event_len(uint32_t size)
{
	(void)size;
	return RING_EVENT_SIZE;
}

static void packed_start_used(struct vq *q, uint16_t slot, bool wrap)
{
	q->next_used = slot;
	q->used_flags = wrap ? PACKED_USED_FLAGS : 0;
	q->published = slot;
	q->first_word = PACKED_NO_WORD;
}

/*
 * After a takeover, "next used" may lag behind "next available" by the number
 * of slots in flight, which is at most the size of the ring.
 */
static int packed_start(struct vq *q, uint32_t base, struct vsu_error *err)
{
	uint32_t avail = base & (RING_WRAP - 1);
	uint32_t used = base >> 16 & (RING_WRAP - 1);
	uint32_t apart = 0;

	if (avail < q->size && used < q->size)
		apart = ring_distance(q->size,
				      ring_position(q->size, used, base >> 31),
				      ring_position(q->size, avail,
						    base & RING_WRAP));
	if (avail >= q->size || used >= q->size || apart > q->size)
		return vsu_error_set(err, -EINVAL, "ring %u: base %#" PRIx32
				     " is not a pair of positions in a packed ring of %"
				     PRIu32 " entries", q->index, base,
				     q->size);
	q->next_avail = (uint16_t)avail;
	q->avail_tail = ring_avail_tail(base & RING_WRAP);
	packed_start_used(q, (uint16_t)used, base >> 31);
	q->slots = apart;
	return 0;
}

static uint32_t packed_base(const struct vq *q)
{
	return q->next_avail | (packed_avail_wrap(q) ? RING_WRAP : 0) |
	       (uint32_t)q->next_used << 16 |
	       (vq_priv_used_wrap(q) ? (uint32_t)RING_WRAP << 16 : 0);
}

static void packed_note_taken(struct vq *q, const struct vq_chain *chains,
			      unsigned int n)
{
	uint16_t slot = q->next_avail, ndesc;
	unsigned int i;

	for (i = 0; i < n; i++)
		packed_step_back(q, &slot, q->flights[chains[i].head].ndesc);
	for (i = 0; i < n; i++) {
		ndesc = q->flights[chains[i].head].ndesc;
		vq_priv_track_packed_taken(q, chains[i].head, slot, ndesc);
		ring_advance(q->size, &slot, ndesc);
	}
}

/*
 * If the first used slot of a batch was never stored, the driver has not seen
 * the batch, but later slots of it may be in the ring. The driver would take
 * them for used when it reaches them, so restore them as available descriptors.
 */
static void take_back_used(struct vq *q, uint32_t n)
{
	uint16_t slot = q->next_used;
	bool wrap = vq_priv_used_wrap(q);
	uint64_t word, both;

	both = (uint64_t)(RING_DESC_AVAIL | RING_DESC_USED) << 48;
	for (; n; n--, ring_step(q->size, &slot, &wrap, 1)) {
		word = ring_load64(packed_slot(q, slot) + 8);
		if (!ring_word_is_used(word, wrap))
			continue;
		ring_store64(packed_slot(q, slot) + 8, (word & ~both) |
			     (uint64_t)ring_avail_flags(wrap) << 48);
		if (q->marks)
			vq_priv_mark_area(q, &q->area[AREA_DESC],
					  slot * RING_DESC_SIZE,
					  RING_DESC_SIZE);
	}
}

/* base applies to an area that was never used; otherwise the area has the position. */
static int packed_start_tracked(struct vq *q, uint32_t base,
				struct vsu_error *err)
{
	uint32_t taken = 0;
	int rc = vq_priv_track_packed_recover(q, &taken, err);

	if (rc < 0)
		return rc;
	if (!rc) {
		rc = packed_start(q, base, err);
		if (rc == 0)
			vq_priv_track_packed_begin(q);
		return rc;
	}
	packed_start_used(q, q->track->used_idx, q->track->used_wrap);
	q->next_avail = q->track->used_idx;
	q->avail_tail = ring_avail_tail(q->track->used_wrap);
	packed_step_avail(q, taken);
	q->slots = 0;
	take_back_used(q, taken);
	return 0;
}

static const struct vq_priv_tracking packed_tracking = {
	.start = packed_start_tracked,
	.take_again = vq_priv_packed_take_again,
	.taken = packed_note_taken,
	.untaken = vq_priv_track_packed_untaken,
	.use = vq_priv_packed_use_noted,
	.publish = vq_priv_track_packed_publish,
	.published = vq_priv_track_packed_published,
};

const struct vq_priv_format vq_priv_packed = {
	.ops = &vq_priv_packed_ops,
	.tracking = &packed_tracking,
	.align = { 16, 4, 4 },
	.desc_access = VMEM_READ | VMEM_WRITE,
	.desc_len = packed_desc_len,
	.driver_len = packed_event_len,
	.device_len = packed_event_len,
	.start = packed_start,
	.base = packed_base,
};
