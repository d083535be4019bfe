/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Sizes of the areas of a split ring, and its start: at a base, or at the position of a
 * previous process in an in-flight area.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "inflight.h"
#include "ring.h"
#include "vq.h"

static uint64_t split_desc_len(uint32_t size)
{
	return (uint64_t)size * RING_DESC_SIZE;
}

/* The size includes the event index, whether it is negotiated or not. */
static uint64_t split_driver_len(uint32_t size)
{
	return RING_ENTRIES + 2 * (uint64_t)size + 2;
}

static uint64_t split_device_len(uint32_t size)
{
	return RING_ENTRIES + 8 * (uint64_t)size + 2;
}

static uint16_t used_index(const struct vq *q)
{
	return ring_load16_acquire(q->area[AREA_DEVICE].hva + RING_IDX);
}

/*
 * The used index is read from the ring, where the previous process stored it. The base may
 * be ahead of it, if chains were lost.
 */
static int split_start(struct vq *q, uint32_t base, struct vsu_error *err)
{
	uint16_t used = used_index(q);

	if (base > UINT16_MAX || (uint16_t)(base - used) > q->size)
		return vsu_error_set(err, -EINVAL, "ring %u: base %" PRIu32
				     " is not within %" PRIu32
				     " entries after the used index %u",
				     q->index, base, q->size, used);
	q->next_avail = q->avail_idx = (uint16_t)base;
	q->next_used = q->published = used;
	return 0;
}

static uint32_t split_base(const struct vq *q)
{
	return q->next_avail;
}

static void split_note_taken(struct vq *q, const struct vq_chain *chains,
			     unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		vq_priv_track_split_taken(q, chains[i].head);
}

/* Nothing to record before the store: after a crash, the ring's used index shows it. */
static void split_note_nothing(struct vq *q)
{
	(void)q;
}

/* The base is recovered from the area, which has the chains in flight. */
static int split_start_tracked(struct vq *q, uint32_t base,
			       struct vsu_error *err)
{
	uint32_t taken;
	uint16_t used = used_index(q);
	int rc = vq_priv_track_split_recover(q, used, &taken, err);

	(void)base;
	if (rc < 0)
		return rc;
	q->next_avail = q->avail_idx = (uint16_t)(used + taken);
	q->next_used = used;
	q->published = used;
	return 0;
}

static const struct vq_priv_tracking split_tracking = {
	.start = split_start_tracked,
	.take_again = vq_priv_split_take_again,
	.taken = split_note_taken,
	.untaken = vq_priv_track_split_untaken,
	.use = vq_priv_split_use_noted,
	.publish = split_note_nothing,
	.published = vq_priv_track_split_published,
};

const struct vq_priv_format vq_priv_split = {
	.ops = &vq_priv_split_ops,
	.tracking = &split_tracking,
	.align = { 16, 2, 4 },
	.desc_access = VMEM_READ,
	.power_of_two = true,
	.desc_len = split_desc_len,
	.driver_len = split_driver_len,
	.device_len = split_device_len,
	.start = split_start,
	.base = split_base,
};
