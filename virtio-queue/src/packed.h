/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Positions in a packed ring, for its operations and for its start. */
#ifndef VIRTIO_QUEUE_PRIV_PACKED_H
#define VIRTIO_QUEUE_PRIV_PACKED_H

#include "inflight.h"
#include "ring.h"
#include "vq.h"

/* The flags of a used slot, at their position in its second word. */
#define PACKED_USED_FLAGS ((uint64_t)RING_TAIL_FLAGS << 32)

/* No word is held back; a used word differs, because no id is that large. */
#define PACKED_NO_WORD UINT64_MAX

static inline unsigned char *packed_slot(const struct vq *q, uint32_t slot)
{
	return q->area[AREA_DESC].hva + (uint64_t)slot * RING_DESC_SIZE;
}

/* True when the wrap counter turned. */
static inline bool packed_step_back(const struct vq *q, uint16_t *slot,
				    uint32_t n)
{
	bool turned = n > *slot;

	*slot = (uint16_t)(turned ? *slot + q->size - n : *slot - n);
	return turned;
}

static inline void packed_step_avail(struct vq *q, uint32_t n)
{
	if (ring_advance(q->size, &q->next_avail, n))
		q->avail_tail ^= RING_TAIL_FLAGS;
}

static inline bool packed_avail_wrap(const struct vq *q)
{
	return q->avail_tail == ring_avail_tail(true);
}

/* packed.c */
extern const struct vq_priv_ops vq_priv_packed_ops;
int vq_priv_packed_take_again(struct vq *q, struct vq_chain *chain,
			      const struct vq_priv_again *again);
void vq_priv_packed_use_noted(struct vq *q, uint16_t id, uint32_t written);

#endif
