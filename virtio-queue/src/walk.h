/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The chain walker: the only code that follows descriptors, for both formats,
 * in the ring and in indirect tables. Inline, so that each format gets a copy
 * of its own in which `packed` is a constant.
 *
 * Bounds: a walk takes at most `limit` steps, whatever the links say; every
 * descriptor is loaded once and judged from the copy.
 */
#ifndef VIRTIO_QUEUE_PRIV_WALK_H
#define VIRTIO_QUEUE_PRIV_WALK_H

#include "ring.h"
#include "vq.h"

/* A table of descriptors: the ring's own, or an indirect one. */
struct walk_table {
	const unsigned char *hva;	/* NULL: crosses regions, read by gpa */
	uint64_t gpa;
	uint32_t n;			/* entries */
};

/* walk.c: the paths that are rare */

/*
 * A buffer that is not plainly in one region: puts its pieces at iov[at] and
 * returns their number; 0 when it is bad (the chain's fault is filled);
 * -EAGAIN when an IOTLB does not know it yet.
 */
int vq_priv_walk_pieces(struct vq *q, struct vq_chain *chain, uint32_t at,
			uint64_t gpa, uint32_t len, uint32_t access) VSU_COLD;

/* A table that is not plainly in one region. 0, -EAGAIN, or broken. */
int vq_priv_walk_table_memory(struct vq *q, struct walk_table *table) VSU_COLD;

/* One descriptor of a table without host address. 0, -EAGAIN, or broken. */
int vq_priv_walk_gather(struct vq *q, struct walk_table table,
			uint32_t at, struct ring_desc *desc) VSU_COLD;

/* Why an indirect descriptor is illegal; breaks the queue. */
int vq_priv_walk_bad_indirect(struct vq *q, uint16_t flags, uint32_t len,
			      bool nested) VSU_COLD;

static inline uint16_t walk_flags(struct ring_desc d, bool packed)
{
	return packed ? packed_desc_flags(d) : split_desc_flags(d);
}

/* Where a walk stands; the compiler keeps it in registers. */
struct walk {
	struct walk_table table;
	uint32_t at;		/* entry of the table */
	uint32_t steps;		/* entries of the table it may still take */
	uint32_t budget;	/* descriptors that the chain may still have */
	uint32_t slots;		/* of the ring that it takes */
	uint32_t n, nreadable;	/* pieces */
	uint32_t access;	/* of the last descriptor */
	uint32_t bad;		/* kinds of access with a bad buffer */
	uint64_t total;		/* bytes, bad ones too */
	uint64_t readable, writable;	/* bytes in pieces */
	uint16_t id;		/* packed: of the last slot */
	bool nested;		/* in an indirect table */
};

#define WALK_INLINE static inline __attribute__((always_inline))

/* Goes on in the indirect table that d refers to. */
WALK_INLINE int walk_open_table(struct vq *q, struct walk *w,
				struct ring_desc d, bool packed)
{
	uint16_t flags = walk_flags(d, packed);
	uint32_t len = ring_desc_len(d);
	struct walk_table table;

	if (VSU_UNLIKELY(!q->has_indirect || w->nested ||
			 (flags & RING_DESC_NEXT) || !len ||
			 len % RING_DESC_SIZE ||
			 len / RING_DESC_SIZE > q->limit))
		return vq_priv_walk_bad_indirect(q, flags, len, w->nested);
	table.gpa = d.addr;
	table.n = len / RING_DESC_SIZE;
	table.hva = vmem_view_translate(q->view, &q->hint, d.addr, len,
					VMEM_READ);
	if (VSU_UNLIKELY(!table.hva)) {
		int rc = vq_priv_walk_table_memory(q, &table);

		if (rc)
			return rc;
	}
	w->table = table;
	w->nested = true;
	w->at = 0;
	w->steps = table.n;
	return 0;
}

WALK_INLINE int walk_load(struct vq *q, const struct walk *w,
			  struct ring_desc *d)
{
	struct walk_table table = w->table;

	if (VSU_UNLIKELY(!table.hva))
		return vq_priv_walk_gather(q, table, w->at, d);
	*d = ring_load_desc(table.hva + (uint64_t)w->at * RING_DESC_SIZE);
	return 0;
}

/* Puts the buffer into the chain's lists; after a bad one, only counts. */
WALK_INLINE int walk_buffer(struct vq *q, struct vq_chain *c, struct walk *w,
			    uint64_t gpa, uint32_t len)
{
	unsigned char *hva;
	int rc;

	if (VSU_UNLIKELY(!len || w->bad & w->access))
		return 0;
	hva = vmem_view_translate(q->view, &q->hint, gpa, len, w->access);
	if (VSU_LIKELY(hva && w->n < c->iov_max)) {
		c->iov[w->n].iov_base = hva;
		c->iov[w->n].iov_len = len;
		rc = 1;
	} else {
		rc = vq_priv_walk_pieces(q, c, w->n, gpa, len, w->access);
		if (rc < 0)
			return rc;
	}
	w->n += (uint32_t)rc;
	w->bad |= rc ? 0 : w->access;
	w->writable += rc && w->access == VMEM_WRITE ? len : 0;
	w->readable += rc && w->access == VMEM_READ ? len : 0;
	return 0;
}

/* Judges one descriptor that is a buffer. */
WALK_INLINE int walk_desc(struct vq *q, struct vq_chain *c, struct walk *w,
			  struct ring_desc d, bool packed)
{
	uint32_t access = walk_flags(d, packed) & RING_DESC_WRITE ?
			  VMEM_WRITE : VMEM_READ;
	int rc;

	/* VMEM_READ < VMEM_WRITE: readable buffers come first (2.7.4.2) */
	if (VSU_UNLIKELY(access < w->access))
		return vq_priv_break(q, VQ_BROKEN_ORDER, w->at, 0);
	w->access = access;
	w->total += ring_desc_len(d);
	rc = walk_buffer(q, c, w, d.addr, ring_desc_len(d));
	if (access == VMEM_READ)
		w->nreadable = w->n;
	return rc;
}

/* Moves to the next descriptor: 1, 0 at the end, negative when broken. */
WALK_INLINE int walk_next(struct vq *q, struct walk *w, struct ring_desc d,
			  bool packed)
{
	/* in a packed table the entries follow each other, flags or not */
	if (packed && w->nested) {
		if (++w->at == w->table.n)
			return 0;
	} else if (!(walk_flags(d, packed) & RING_DESC_NEXT)) {
		return 0;
	} else if (packed) {
		w->at = w->at + 1 == w->table.n ? 0 : w->at + 1;
	} else {
		w->at = split_desc_next(d);
	}
	if (VSU_UNLIKELY(!--w->steps || !--w->budget))
		return vq_priv_break(q, VQ_BROKEN_LOOP, q->limit, q->limit);
	if (VSU_UNLIKELY(w->at >= w->table.n))
		return vq_priv_break(q, VQ_BROKEN_NEXT, w->at, w->table.n);
	return 1;
}

/* The descriptors of one chain, one after the other. */
WALK_INLINE int walk_descs(struct vq *q, struct vq_chain *c, struct walk *w,
			   struct ring_desc d, bool packed)
{
	int rc;

	for (;;) {
		if (packed && !w->nested)
			w->id = packed_desc_id(d);
		w->slots += !w->nested;
		if (walk_flags(d, packed) & RING_DESC_INDIRECT) {
			rc = walk_open_table(q, w, d, packed);
			if (VSU_UNLIKELY(rc))
				return rc;
		} else {
			rc = walk_desc(q, c, w, d, packed);
			if (VSU_UNLIKELY(rc))
				return rc;
			rc = walk_next(q, w, d, packed);
			if (rc <= 0)
				return rc;
		}
		rc = walk_load(q, w, &d);
		if (VSU_UNLIKELY(rc))
			return rc;
	}
}

/*
 * Walks the chain whose first descriptor is d, at slot `at` of the ring, and
 * fills the chain but for its head. `left` is how many slots of the ring it
 * may take. 0 with *slots (those taken) and *id (packed); -EAGAIN; or -EFAULT
 * with the queue broken.
 */
WALK_INLINE int vq_priv_walk(struct vq *q, struct vq_chain *c,
			     struct ring_desc d, uint32_t at, uint32_t left,
			     bool packed, uint32_t *slots, uint16_t *id)
{
	struct walk w = {
		.table = { q->area[AREA_DESC].hva, 0, q->size },
		.at = at,
		.steps = left,
		.budget = q->limit,
	};
	int rc;

	c->fault.why = VQ_FAULT_NONE;
	rc = walk_descs(q, c, &w, d, packed);
	if (VSU_UNLIKELY(rc))
		return rc;
	if (VSU_UNLIKELY(w.total > UINT32_MAX))
		return vq_priv_break(q, VQ_BROKEN_LENGTH, w.total, UINT32_MAX);
	c->fault.bad = w.bad;
	c->nreadable = w.nreadable;
	c->nwritable = w.n - w.nreadable;
	c->readable_len = (uint32_t)w.readable;
	c->writable_len = (uint32_t)w.writable;
	*slots = w.slots;
	*id = w.id;
	return 0;
}

#endif
