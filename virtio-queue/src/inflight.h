/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * In-flight tracking of an enabled queue: what both formats record, and the
 * calls of the rings. The area is shared with a peer, which may change it at
 * any time. It is read once, when the ring is enabled, and only written
 * afterwards.
 */
#ifndef VIRTIO_QUEUE_PRIV_INFLIGHT_H
#define VIRTIO_QUEUE_PRIV_INFLIGHT_H

#include "ring.h"
#include "vq.h"

#define AREA_VERSION 1

#define AREA_LOAD(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define AREA_STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
/* A release: stores to the area that precede it in the program are visible before it. */
#define AREA_COMMIT(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELEASE)

/* A chain that a previous process had popped, to be popped again. */
struct vq_priv_again {
	uint64_t counter;
	uint16_t head;		/* packed: its first entry */
	uint16_t last;		/* packed: its last entry */
	uint16_t num;		/* packed: entries */
	uint16_t at;		/* packed: index of its first copy */
};

/* Entries of a chain in flight. In a split ring both are equal. */
struct vq_priv_kept {
	uint16_t first, last;
};

/* A slot of the ring as the driver wrote it, little-endian as there. */
struct vq_priv_copy {
	uint64_t addr, word;
};

struct vq_priv_track {
	void *area;
	uint32_t entries;
	uint64_t counter;
	uint32_t size;			/* of the arrays: that of the ring */
	struct vq_priv_kept *batch;	/* chains that were used and not yet published */
	uint32_t nbatch;
	struct vq_priv_again *again;
	uint32_t nagain, next_again;

	/* packed */
	struct vq_priv_kept *kept;	/* by buffer id */
	struct vq_priv_copy *copies;	/* of the chains to be popped again */
	uint16_t *next;			/* links of the area's entries */
	uint16_t free_head;
	uint16_t used_idx;		/* the value that was published */
	bool used_wrap;
};

/* inflight.c */

/* Allocates what tracking needs for the ring that is being enabled. */
void vq_priv_track_free(struct vq_priv_track *t);
int vq_priv_track_prepare(struct vq *q, struct vsu_error *err);

/* 1: the area was used before; 0: it was not; -EBADMSG: another version. */
int vq_priv_track_version(const struct vq *q, uint16_t version,
			  struct vsu_error *err);

/* Sorts the chains to be popped again by counter, and continues the counter behind them. */
void vq_priv_track_sort(struct vq_priv_track *t);

/* Returns the next chain to resume, NULL after the last. */
static inline const struct vq_priv_again *vq_priv_track_again(const struct vq *q)
{
	const struct vq_priv_track *t = q->track;

	return t->next_again < t->nagain ? &t->again[t->next_again] : NULL;
}

/* tracked.c */
extern const struct vq_priv_ops vq_priv_tracked_ops;

/* split.c: pops a chain again; records a chain and stores its used element */
int vq_priv_split_take_again(struct vq *q, struct vq_chain *chain,
			     const struct vq_priv_again *again);
void vq_priv_split_use_noted(struct vq *q, uint16_t id, uint32_t written);

/* inflight_split.c */

uint64_t vq_priv_track_split_size(uint32_t entries);

/* Reads the area; *taken receives the number of chains to be popped again. */
int vq_priv_track_split_recover(struct vq *q, uint16_t used, uint32_t *taken,
				struct vsu_error *err);
void vq_priv_track_split_taken(struct vq *q, uint16_t head);
void vq_priv_track_split_untaken(struct vq *q, uint16_t head);
void vq_priv_track_split_used(struct vq *q, uint16_t head);
void vq_priv_track_split_published(struct vq *q);

/* inflight_packed.c */

uint64_t vq_priv_track_packed_size(uint32_t entries);

/*
 * Reads the area. 1: it was used; the track has the position of used slots, and *slots the
 * number of slots of the chains to be popped again. 0: it was never used. -EBADMSG:
 * impossible content.
 */
int vq_priv_track_packed_recover(struct vq *q, uint32_t *slots,
				 struct vsu_error *err);

/* Initialises an area that was never used, with the current position of the ring. */
void vq_priv_track_packed_begin(struct vq *q);

/*
 * Records n slots from the given one as a chain in flight, or withdraws that
 * record.
 */
void vq_priv_track_packed_taken(struct vq *q, uint16_t id, uint32_t slot,
				uint32_t n);
void vq_priv_track_packed_untaken(struct vq *q, uint16_t id);

/* Records that the chain was popped again, under this id. */
void vq_priv_track_packed_retaken(struct vq *q, uint16_t id,
				  const struct vq_priv_again *again);
void vq_priv_track_packed_used(struct vq *q, uint16_t id);

/* Called before and after the store that makes the batch visible to the driver. */
void vq_priv_track_packed_publish(struct vq *q);
void vq_priv_track_packed_published(struct vq *q);

#endif
