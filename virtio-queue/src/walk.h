/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The chain walker: the only code that follows descriptors, for both formats,
 * in the ring and in indirect tables. Inline, so that each format gets a copy
 * of its own in which `packed` is a constant.
 *
 * Bounds: a walk takes at most as many steps as the ring has slots or the
 * chain may have descriptors, whatever the links say; every descriptor is
 * loaded once and judged from the copy.
 */
#ifndef VIRTIO_QUEUE_PRIV_WALK_H
#define VIRTIO_QUEUE_PRIV_WALK_H

#include "ring.h"
#include "vq.h"

#define WALK_INLINE static inline __attribute__((always_inline))

/*
 * What a walk keeps in memory. Steps are not counted one by one: a plain
 * buffer is one step and one piece, so that one comparison with stop covers
 * the bound on steps and the room for pieces.
 */
struct walk {
	uint64_t table_gpa;	/* of a table without host address */
	uint32_t entries;	/* of the table */
	struct iovec *stop;	/* where steps or room end, or a bad buffer was */
	struct iovec *mark;	/* next piece, when left was right */
	uint32_t left;		/* steps that were left at mark */
	uint32_t bad;		/* kinds with a bad buffer */
	struct iovec *writable;	/* first writable piece, once there is one */
	uint64_t readable;	/* bytes in front of it */
};

/* What changes with each descriptor, and stays in registers. */
struct walk_hot {
	const struct vmem_range *range;	/* hit last */
	const unsigned char *table;	/* NULL: crosses regions */
	struct iovec *iov;		/* next piece */
	uint64_t bytes;			/* of all buffers */
	uint16_t writing;		/* RING_DESC_WRITE behind the turn */
};

/* walk.c: the paths that are rare, out of the way of those that are not */

/* As walk_translate(), for a range that is not remembered. */
unsigned char *vq_priv_walk_search(struct vq *q, uint64_t gpa, uint32_t len,
				   uint32_t access);

/*
 * A buffer that is empty, bad, in pieces, behind a bad one of its kind, or one
 * too many. Returns 0 with *iov moved on, or as vq_priv_walk().
 */
int vq_priv_walk_rare(struct vq *q, struct vq_chain *chain, struct walk *w,
		      struct iovec **iov, uint64_t gpa, uint32_t len,
		      uint32_t access) VSU_COLD;

/* A chain with a fault: the bytes of its lists are not those of all buffers. */
void vq_priv_walk_recount(struct vq *q, struct vq_chain *chain) VSU_COLD;

/* A table that is not plainly in one region. 0, -EAGAIN, or broken. */
int vq_priv_walk_table_memory(struct vq *q, uint64_t gpa,
			      uint32_t len) VSU_COLD;

/* One descriptor of such a table. 0, -EAGAIN, or broken. */
int vq_priv_walk_gather(struct vq *q, uint64_t gpa,
			struct ring_desc *desc) VSU_COLD;

/* Why an indirect descriptor is illegal; breaks the queue. */
int vq_priv_walk_bad_indirect(struct vq *q, uint16_t flags,
			      uint32_t len) VSU_COLD;

WALK_INLINE uint16_t walk_flags(struct ring_desc d, bool packed)
{
	return packed ? packed_desc_flags(d) : split_desc_flags(d);
}

/* A length of 0 is in no range: len - 1 wraps. */
WALK_INLINE bool walk_range_holds(const struct vmem_range *range, uint64_t gpa,
				  uint32_t len)
{
	uint64_t off = gpa - range->first, rest;

	return !__builtin_sub_overflow(range->span, off, &rest) &&
	       (uint64_t)len - 1 <= rest;
}

/*
 * Where [gpa, gpa + len) lies in one range that allows the access, or NULL.
 * Ranges that allow everything are remembered, the last one and one for each
 * stretch of addresses; so a hit needs no look at what is allowed.
 */
WALK_INLINE unsigned char *walk_translate(struct vq *q, struct walk_hot *h,
					  uint64_t gpa, uint32_t len,
					  uint32_t access)
{
	const struct vmem_range *range = h->range;

	if (VSU_UNLIKELY(!walk_range_holds(range, gpa, len))) {
		range = *vq_priv_stretch(q, gpa);
		if (VSU_UNLIKELY(!walk_range_holds(range, gpa, len)))
			return vq_priv_walk_search(q, gpa, len, access);
		h->range = range;
	}
	return range->hva + (gpa - range->first);
}

/* Slots that are not in flight: what a chain may take of the ring. */
WALK_INLINE uint32_t walk_most_slots(const struct vq *q, bool packed)
{
	return packed ? q->size - q->slots : q->size;
}

/* Steps that are left. */
WALK_INLINE uint32_t walk_left(const struct walk *w, const struct walk_hot *h)
{
	return w->left - (uint32_t)(h->iov - w->mark);
}

WALK_INLINE uint32_t walk_access(const struct walk_hot *h)
{
	return h->writing ? VMEM_WRITE : VMEM_READ;
}

/* Where the next rare thing is, when no buffer is bad: no steps, no room. */
WALK_INLINE void walk_set_stop(const struct vq_chain *c, struct walk *w,
			       struct iovec *iov, uint32_t left)
{
	uint32_t room = c->iov_max - (uint32_t)(iov - c->iov);

	w->stop = iov + (room < left ? room : left);
}

/* Loads a descriptor of the table; only indirect ones may be gathered. */
WALK_INLINE int walk_load(struct vq *q, const struct walk *w,
			  const struct walk_hot *h, uint32_t at, bool nested,
			  struct ring_desc *d)
{
	uint64_t off = (uint64_t)at * RING_DESC_SIZE;
	struct ring_desc copy;
	int rc;

	if (nested && VSU_UNLIKELY(!h->table)) {
		rc = vq_priv_walk_gather(q, w->table_gpa + off, &copy);
		if (rc == 0)
			*d = copy;
		return rc;
	}
	*d = ring_load_desc(h->table + off);
	return 0;
}

/* Turns to the indirect table that d refers to, and loads its first. */
WALK_INLINE int walk_open_table(struct vq *q, const struct vq_chain *c,
				struct walk *w, struct walk_hot *h,
				bool packed, struct ring_desc *d)
{
	uint32_t len = ring_desc_len(*d), n = len / RING_DESC_SIZE;
	uint16_t flags = walk_flags(*d, packed);
	int rc;

	w->left = walk_left(w, h);
	if (VSU_UNLIKELY(!q->has_indirect || (flags & RING_DESC_NEXT) || !len ||
			 len % RING_DESC_SIZE || n > q->limit || !w->left))
		return vq_priv_walk_bad_indirect(q, flags, len);
	h->table = walk_translate(q, h, d->addr, len, VMEM_READ);
	if (VSU_UNLIKELY(!h->table)) {
		rc = vq_priv_walk_table_memory(q, d->addr, len);
		if (rc)
			return rc;
		w->table_gpa = d->addr;
	}
	/* the direct part counts: q->limit is not less than q->size */
	w->left = q->limit - (walk_most_slots(q, packed) - w->left);
	if (n < w->left)
		w->left = n;
	w->mark = h->iov;
	walk_set_stop(c, w, h->iov, w->left);
	w->entries = n;
	return walk_load(q, w, h, 0, true, d);
}

/* The first writable buffer comes, or a readable one behind it. */
WALK_INLINE int walk_turn(struct vq *q, const struct vq_chain *c,
			  struct walk *w, struct walk_hot *h)
{
	if (VSU_UNLIKELY(h->writing))
		return vq_priv_break(q, VQ_BROKEN_ORDER,
				     (uint64_t)(h->iov - c->iov), 0);
	h->writing = RING_DESC_WRITE;
	w->writable = h->iov;
	w->readable = h->bytes;
	if (VSU_UNLIKELY(w->bad))
		walk_set_stop(c, w, h->iov, walk_left(w, h));
	return 0;
}

/* Judges one descriptor that is a buffer, and puts it into the lists. */
WALK_INLINE int walk_buffer(struct vq *q, struct vq_chain *c, struct walk *w,
			    struct walk_hot *h, struct ring_desc d,
			    uint16_t flags)
{
	uint32_t len = ring_desc_len(d);
	unsigned char *hva;
	int rc;

	if ((flags ^ h->writing) & RING_DESC_WRITE) {
		rc = walk_turn(q, c, w, h);
		if (VSU_UNLIKELY(rc))
			return rc;
	}
	h->bytes += len;
	hva = h->iov == w->stop ? NULL :
	      walk_translate(q, h, d.addr, len, walk_access(h));
	if (VSU_UNLIKELY(!hva)) {
		struct iovec *iov = h->iov;

		rc = vq_priv_walk_rare(q, c, w, &iov, d.addr, len,
				       walk_access(h));
		h->iov = iov;
		return rc;
	}
	h->iov->iov_base = hva;
	h->iov->iov_len = len;
	h->iov++;
	return 0;
}

/* True when there is one more, at *at of the table. */
WALK_INLINE bool walk_next(const struct walk *w, struct ring_desc d,
			   uint16_t flags, bool packed, bool nested,
			   uint32_t *at)
{
	/* in a packed table the entries follow each other, flags or not */
	if (packed && nested)
		return ++*at < w->entries;
	if (!(flags & RING_DESC_NEXT))
		return false;
	if (packed)
		*at = *at + 1 == w->entries ? 0 : *at + 1;
	else
		*at = split_desc_next(d);
	return true;
}

/*
 * The descriptors of one table, beginning with *d, which is the last one
 * afterwards. 1 when that one opens an indirect table, 0 at the end.
 */
WALK_INLINE int walk_table(struct vq *q, struct vq_chain *c, struct walk *w,
			   struct walk_hot *h, uint32_t at, bool packed,
			   bool nested, struct ring_desc *d)
{
	int rc;

	for (;;) {
		uint16_t flags = walk_flags(*d, packed);

		if (flags & RING_DESC_INDIRECT)
			return 1;
		rc = walk_buffer(q, c, w, h, *d, flags);
		if (VSU_UNLIKELY(rc))
			return rc;
		if (!walk_next(w, *d, flags, packed, nested, &at))
			return 0;
		if (VSU_UNLIKELY(at >= w->entries))
			return vq_priv_break(q, VQ_BROKEN_NEXT, at,
					     w->entries);
		rc = walk_load(q, w, h, at, nested, d);
		if (nested && VSU_UNLIKELY(rc))
			return rc;
	}
}

WALK_INLINE void walk_fill(struct vq *q, struct vq_chain *c,
			   const struct walk *w, const struct walk_hot *h)
{
	bool writing = h->writing;
	struct iovec *writable = writing ? w->writable : h->iov;
	uint64_t readable = writing ? w->readable : h->bytes;

	c->nreadable = (uint32_t)(writable - c->iov);
	c->nwritable = (uint32_t)(h->iov - writable);
	c->readable_len = (uint32_t)readable;
	c->writable_len = (uint32_t)(h->bytes - readable);
	c->fault.bad = w->bad;
	if (VSU_UNLIKELY(w->bad))
		vq_priv_walk_recount(q, c);
}

WALK_INLINE void walk_start(const struct vq *q, struct vq_chain *c,
			    struct walk *w, struct walk_hot *h, bool packed)
{
	uint32_t left = walk_most_slots(q, packed);

	w->entries = q->size;
	w->left = left;
	w->bad = 0;
	w->mark = c->iov;
	walk_set_stop(c, w, c->iov, left);
	h->range = q->range;
	h->table = q->area[AREA_DESC].hva;
	h->iov = c->iov;
	h->bytes = 0;
	h->writing = 0;
	c->fault.why = VQ_FAULT_NONE;
}

/*
 * Walks the chain whose first descriptor is d, at slot `at` of the ring, and
 * fills the chain but for its head. 0, for packed rings with *slots (those
 * taken) and *id; -EAGAIN; or -EFAULT with the queue broken.
 */
WALK_INLINE int vq_priv_walk(struct vq *q, struct vq_chain *c,
			     struct ring_desc d, uint32_t at, bool packed,
			     uint32_t *slots, uint16_t *id)
{
	struct walk_hot h;
	struct walk w;
	int rc;

	walk_start(q, c, &w, &h, packed);
	rc = walk_table(q, c, &w, &h, at, packed, false, &d);
	if (VSU_UNLIKELY(rc < 0))
		return rc;
	if (packed) {
		*slots = walk_most_slots(q, packed) - walk_left(&w, &h) +
			 (rc == 1);
		*id = packed_desc_id(d);
	}
	if (rc) {
		rc = walk_open_table(q, c, &w, &h, packed, &d);
		if (VSU_UNLIKELY(rc))
			return rc;
		rc = walk_table(q, c, &w, &h, 0, packed, true, &d);
		if (VSU_UNLIKELY(rc))
			return rc < 0 ? rc :
			       vq_priv_break(q, VQ_BROKEN_INDIRECT, 0, 0);
	}
	if (VSU_UNLIKELY(h.bytes > UINT32_MAX))
		return vq_priv_break(q, VQ_BROKEN_LENGTH, h.bytes, UINT32_MAX);
	q->range = h.range;
	walk_fill(q, c, &w, &h);
	return 0;
}

#endif
