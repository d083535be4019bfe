/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The chain walker: the only code that follows descriptors, for both formats, in the ring
 * and in indirect tables. It is inline, so that it is compiled for each kind of walk with
 * the facts that this kind knows.
 *
 * Bounds: whatever the links contain, the slots of the ring and the maximum number of
 * descriptors of a chain limit the steps of a walk. A walk loads each descriptor once, and
 * checks and uses only the copy. If a full walk replaces a quick one, it uses nothing that
 * the quick one loaded.
 */
#ifndef VIRTIO_QUEUE_PRIV_WALK_H
#define VIRTIO_QUEUE_PRIV_WALK_H

#include <string.h>

#include "idle.h"
#include "ring.h"

#define WALK_INLINE static inline __attribute__((always_inline))

/* Out of line, so that the fast path spills no registers. */
#define WALK_OUTLINE static __attribute__((noinline))

/*
 * Facts about a walk that are known at compile time. A quick walk records
 * nothing for rare cases and calls no function. In a rare case it returns
 * WALK_RARE without a change of the queue, and a full walk starts at the first
 * descriptor of the chain.
 */
struct walk_kind {
	bool packed, quick;
};

#define WALK_QUICK(is_packed) ((struct walk_kind){ (is_packed), true })
#define WALK_FULL(is_packed) ((struct walk_kind){ (is_packed), false })

#define WALK_RARE 1

/* True in nearly all cases; compiled as a branch that the processor predicts. */
#if defined(__GNUC__) && (__GNUC__ >= 9 || defined(__clang__))
#define WALK_FORETOLD(x) __builtin_expect_with_probability(!!(x), 1, 0.995)
#else
#define WALK_FORETOLD(x) VSU_LIKELY(x)
#endif

/*
 * Steps are not counted one by one: a plain buffer is one step and one piece,
 * so that one comparison with stop covers the bound on steps and the room for
 * pieces.
 */
struct walk_room {
	struct iovec *iov;	/* next piece */
	struct iovec *stop;	/* end of the steps or of the array, or the position of a bad
				   buffer */
	uint32_t left;		/* remaining steps, counted as one per piece */
};

/* Copied where its address is required, so that it can remain in registers. */
struct walk {
	const struct vmem_range *range;	/* of the last translation */
	const unsigned char *table;	/* NULL: the table crosses regions */
	const unsigned char *here;	/* the descriptor loaded last */
	uint64_t table_gpa;		/* of a table that crosses regions */
	uint32_t entries;		/* of the table */
	uint32_t writing;		/* the flag in a tail, after the first writable
					   descriptor */
	uint64_t bytes;			/* of all buffers */
	struct walk_room room;
};

/* rare paths, in walk.c */

/*
 * The host address of [gpa, gpa + len) in one range that allows the access, or
 * NULL.
 * Remembers the range.
 */
unsigned char *vq_priv_walk_search(struct vq *q, uint64_t gpa, uint32_t len,
				   uint32_t access);

/*
 * Handles a buffer that is empty, bad, in several pieces, behind a bad one of its kind, or
 * beyond the limit. Returns 0 with the room advanced, or as walk_chain().
 */
int vq_priv_walk_rare(struct vq *q, struct vq_chain *chain,
		      struct walk_room *room, uint64_t gpa, uint32_t len,
		      uint32_t access) VSU_COLD;

/* Counts the bytes of a chain with a fault again: its lists omit some buffers. */
void vq_priv_walk_recount(struct vq *q, struct vq_chain *chain) VSU_COLD;

/* Handles a table that is not in one region. 0; -EAGAIN; or -EFAULT, and the queue is broken. */
int vq_priv_walk_table_memory(struct vq *q, uint64_t gpa,
			      uint32_t len) VSU_COLD;

/* Copies one descriptor of such a table. 0; -EAGAIN; or -EFAULT, and the queue is broken. */
int vq_priv_walk_gather(struct vq *q, uint64_t gpa,
			struct ring_desc *desc) VSU_COLD;

/* Breaks the queue for an illegal indirect descriptor, with the reason. */
int vq_priv_walk_bad_indirect(struct vq *q, uint16_t flags,
			      uint32_t len) VSU_COLD;

/*
 * The access that the buffers require: reading before the first writable descriptor,
 * writing from it on.
 */
WALK_INLINE uint32_t walk_access(const struct walk *w)
{
	return w->writing ? VMEM_WRITE : VMEM_READ;
}

/* A flag at its position in the tail of a descriptor. */
WALK_INLINE uint32_t walk_flag(struct walk_kind k, uint32_t flag)
{
	return k.packed ? flag << 16 : flag;
}

/* A length of 0 is in no range: len - 1 wraps. */
WALK_INLINE bool walk_range_holds(const struct vmem_range *range, uint64_t gpa,
				  uint64_t len)
{
	uint64_t off = gpa - range->first, rest;

	if (VSU_UNLIKELY(__builtin_sub_overflow(range->span, off, &rest)))
		return false;
	return VSU_LIKELY(len - 1 <= rest);
}

/*
 * True if [gpa, gpa + len) is in a cached range: that of the last translation or of the
 * address's stretch. Cached ranges permit all access, so that a hit need not check it.
 */
WALK_INLINE bool walk_remembered(struct vq *q, const struct vmem_range **range,
				 uint64_t gpa, uint64_t len)
{
	if (VSU_LIKELY(walk_range_holds(*range, gpa, len)))
		return true;
	q->range = *vq_priv_stretch(q, gpa);
	*range = q->range;
	return walk_range_holds(*range, gpa, len);
}

WALK_INLINE unsigned char *walk_host(const struct vmem_range *range,
				     uint64_t gpa)
{
	return range->hva + (gpa - range->first);
}

/* Slots that are not in flight: the limit for a new chain. */
WALK_INLINE uint32_t walk_most_slots(const struct vq *q, bool packed)
{
	return packed ? q->size - q->slots : q->size;
}

WALK_INLINE uint32_t walk_pieces(const struct vq_chain *c,
				 const struct iovec *iov)
{
	return (uint32_t)(iov - c->iov);
}

/* The number of remaining steps. */
WALK_INLINE uint32_t walk_left(const struct vq_chain *c,
			       const struct walk_room *room)
{
	return room->left - walk_pieces(c, room->iov);
}

/* The number of steps in the ring; after a quick walk each is a piece. */
WALK_INLINE uint32_t walk_steps(const struct vq *q, const struct vq_chain *c,
				const struct walk_room *room,
				struct walk_kind k)
{
	return k.quick ? walk_pieces(c, room->iov) :
	       walk_most_slots(q, k.packed) - walk_left(c, room);
}

WALK_INLINE int walk_break(struct vq *q, struct walk_kind k,
			   enum vq_broken why, uint64_t got, uint64_t limit)
{
	return k.quick ? WALK_RARE : vq_priv_break(q, why, got, limit);
}

/* Sets the number of remaining steps; no buffer is bad yet. */
WALK_INLINE void walk_set_left(const struct vq_chain *c,
			       struct walk_room *room, uint32_t left)
{
	room->left = left + walk_pieces(c, room->iov);
	room->stop = c->iov + (c->iov_max < room->left ? c->iov_max :
			       room->left);
}

/* Ends a list before the first bad buffer of its kind. */
WALK_INLINE void walk_stop_if_bad(const struct vq_chain *c,
				  struct walk_room *room, uint32_t access)
{
	if (c->fault.bad & access)
		room->stop = room->iov;
}

/*
 * Most descriptors link to the next one in memory. A predicted branch lets the processor
 * load that one before it has loaded the link.
 */
WALK_INLINE void walk_step(struct walk *w, uint32_t from, uint32_t to)
{
	if (WALK_FORETOLD(to == from + 1))
		w->here += RING_DESC_SIZE;
	else
		w->here = w->table + (uint64_t)to * RING_DESC_SIZE;
}

/*
 * Loads the descriptor at `to` of the table, after that at `from`; only
 * indirect ones may be gathered.
 */
WALK_INLINE int walk_load(struct vq *q, struct walk *w, uint32_t from,
			  uint32_t to, bool may_gather, struct ring_desc *d)
{
	struct ring_desc copy;
	int rc;

	if (may_gather && VSU_UNLIKELY(!w->table)) {
		rc = vq_priv_walk_gather(q, w->table_gpa +
					 (uint64_t)to * RING_DESC_SIZE, &copy);
		if (rc == 0)
			*d = copy;
		return rc;
	}
	walk_step(w, from, to);
	*d = ring_load_desc(w->here);
	return 0;
}

WALK_INLINE int walk_find_table(struct vq *q, struct walk *w,
				struct walk_kind k, struct ring_desc d)
{
	if (VSU_LIKELY(walk_remembered(q, &w->range, d.addr, d.len))) {
		w->table = walk_host(w->range, d.addr);
		return 0;
	}
	if (k.quick)
		return WALK_RARE;
	w->table = vq_priv_walk_search(q, d.addr, (uint32_t)d.len, VMEM_READ);
	w->table_gpa = d.addr;
	return w->table ? 0 :
	       vq_priv_walk_table_memory(q, d.addr, (uint32_t)d.len);
}

/*
 * Whether d may refer to a table of n entries: negotiated, not followed by another
 * descriptor, whole entries, at least one and at most the limit.
 */
WALK_INLINE bool walk_table_is_legal(const struct vq *q, struct walk_kind k,
				     struct ring_desc d, uint32_t n)
{
	uint64_t odd = d.len % RING_DESC_SIZE |
		       (d.tail & walk_flag(k, RING_DESC_NEXT));

	return VSU_LIKELY(n - 1 < q->table_limit) && VSU_LIKELY(!odd);
}

/* The number of steps in a table of n entries. */
WALK_INLINE uint32_t walk_table_steps(const struct vq *q,
				      const struct vq_chain *c,
				      const struct walk *w, struct walk_kind k,
				      uint32_t n)
{
	uint32_t left = walk_left(c, &w->room);

	if (k.quick)	/* the chain is only a table */
		return n;
	/* the direct part counts, too: q->limit is not less than q->size */
	left = q->limit - (walk_most_slots(q, k.packed) - left);
	return n < left ? n : left;
}

/* Continues in the indirect table of d, and loads its first descriptor. */
WALK_INLINE int walk_open_table(struct vq *q, const struct vq_chain *c,
				struct walk *w, struct walk_kind k,
				struct ring_desc *d)
{
	uint32_t n = (uint32_t)d->len / RING_DESC_SIZE;
	int rc;

	if (!walk_table_is_legal(q, k, *d, n) ||
	    (!k.quick && !walk_left(c, &w->room)))
		return k.quick ? WALK_RARE :
		       vq_priv_walk_bad_indirect(q, k.packed ?
						 packed_desc_flags(*d) :
						 split_desc_flags(*d),
						 (uint32_t)d->len);
	rc = walk_find_table(q, w, k, *d);
	if (VSU_UNLIKELY(rc))
		return rc;
	walk_set_left(c, &w->room, walk_table_steps(q, c, w, k, n));
	if (!k.quick)
		walk_stop_if_bad(c, &w->room, walk_access(w));
	w->entries = n;
	w->here = w->table;
	return walk_load(q, w, 0, 0, !k.quick, d);
}

/* Called at the first writable buffer, and at a readable one behind it. */
WALK_INLINE int walk_to_writable(struct vq *q, struct vq_chain *c,
				 struct walk *w, struct walk_kind k)
{
	if (VSU_UNLIKELY(w->writing))
		return walk_break(q, k, VQ_BROKEN_ORDER, 0, 0);
	w->writing = walk_flag(k, RING_DESC_WRITE);
	c->nreadable = walk_pieces(c, w->room.iov);
	c->readable_len = (uint32_t)w->bytes;
	if (!k.quick && VSU_UNLIKELY(c->fault.bad))
		walk_set_left(c, &w->room, walk_left(c, &w->room));
	return 0;
}

WALK_INLINE int walk_buffer_rare(struct vq *q, struct vq_chain *c,
				 struct walk *w, struct ring_desc d)
{
	struct walk_room room = w->room;
	int rc = vq_priv_walk_rare(q, c, &room, d.addr, (uint32_t)d.len,
				   walk_access(w));

	w->room = room;
	return rc;
}

WALK_INLINE void walk_add_piece(struct iovec *iov, unsigned char *hva,
				uint64_t len)
{
	iov->iov_base = hva;
	iov->iov_len = len;
}

WALK_INLINE int walk_buffer(struct vq *q, struct vq_chain *c, struct walk *w,
			    struct walk_kind k, struct ring_desc d)
{
	w->bytes += d.len;
	if (VSU_UNLIKELY(w->room.iov == w->room.stop) ||
	    VSU_UNLIKELY(!walk_remembered(q, &w->range, d.addr, d.len)))
		return k.quick ? WALK_RARE : walk_buffer_rare(q, c, w, d);
	walk_add_piece(w->room.iov++, walk_host(w->range, d.addr), d.len);
	return 0;
}

WALK_INLINE bool walk_opens_table(struct ring_desc d, struct walk_kind k)
{
	return d.tail & walk_flag(k, RING_DESC_INDIRECT);
}

/* True if another descriptor follows, at *at of the table. */
WALK_INLINE bool walk_next(const struct walk *w, struct ring_desc d,
			   struct walk_kind k, bool nested, uint32_t *at)
{
	/* in a packed table the entries follow each other, flags or not */
	if (k.packed && nested)
		return ++*at < w->entries;
	if (!(d.tail & walk_flag(k, RING_DESC_NEXT)))
		return false;
	if (k.packed)
		*at = *at + 1 == w->entries ? 0 : *at + 1;
	else
		*at = split_desc_next(d);
	return true;
}

/*
 * Walks the descriptors of one table, beginning with *d. Afterwards *d is the last one, or
 * the first one that refers to an indirect table. For a quick walk, such a one is rare.
 */
WALK_INLINE int walk_table(struct vq *q, struct vq_chain *c, struct walk *w,
			   struct walk_kind k, uint32_t at, bool nested,
			   struct ring_desc *d)
{
	int rc;

	for (;;) {
		uint32_t from = at;

		if (VSU_UNLIKELY((d->tail ^ w->writing) &
				 walk_flag(k, RING_DESC_WRITE |
					      RING_DESC_INDIRECT))) {
			if (walk_opens_table(*d, k))
				return k.quick ? WALK_RARE : 0;
			rc = walk_to_writable(q, c, w, k);
			if (VSU_UNLIKELY(rc))
				return rc;
		}
		rc = walk_buffer(q, c, w, k, *d);
		if (VSU_UNLIKELY(rc))
			return rc;
		if (!walk_next(w, *d, k, nested, &at))
			return 0;
		if (!k.packed && VSU_UNLIKELY(at >= w->entries))
			return walk_break(q, k, VQ_BROKEN_NEXT, at,
					  w->entries);
		rc = walk_load(q, w, from, at, nested && !k.quick, d);
		if (VSU_UNLIKELY(rc))
			return rc;
	}
}

WALK_INLINE void walk_fill(struct vq *q, struct vq_chain *c,
			   const struct walk *w, struct walk_kind k)
{
	if (!w->writing) {
		c->nreadable = walk_pieces(c, w->room.iov);
		c->readable_len = (uint32_t)w->bytes;
	}
	c->nwritable = walk_pieces(c, w->room.iov) - c->nreadable;
	c->writable_len = (uint32_t)w->bytes - c->readable_len;
	if (!k.quick && VSU_UNLIKELY(c->fault.bad))
		vq_priv_walk_recount(q, c);
}

/* The two words of a fault that say whether there is one are stored as one. */
WALK_INLINE void walk_no_fault(struct vq_chain *c)
{
	memset((unsigned char *)c + offsetof(struct vq_chain, fault.why), 0, 8);
}

/* A walk before its first buffer. */
WALK_INLINE void walk_init(const struct vq *q, struct vq_chain *c,
			   struct walk *w)
{
	w->range = q->range;
	w->table_gpa = 0;
	w->writing = 0;
	w->bytes = 0;
	w->room.iov = c->iov;
	walk_no_fault(c);
}

WALK_INLINE void walk_start(const struct vq *q, struct vq_chain *c,
			    struct walk *w, struct walk_kind k, uint32_t at)
{
	walk_init(q, c, w);
	w->table = q->area[AREA_DESC].hva;
	w->here = w->table + (uint64_t)at * RING_DESC_SIZE;
	w->entries = q->size;
	walk_set_left(c, &w->room, walk_most_slots(q, k.packed));
}

/* Walks the indirect table of d, whose entries are the last of a chain. */
WALK_INLINE int walk_indirect(struct vq *q, struct vq_chain *c, struct walk *w,
			      struct walk_kind k, struct ring_desc d)
{
	int rc = walk_open_table(q, c, w, k, &d);

	if (VSU_UNLIKELY(rc))
		return rc;
	rc = walk_table(q, c, w, k, 0, true, &d);
	if (VSU_UNLIKELY(rc))
		return rc;
	if (!k.quick && VSU_UNLIKELY(walk_opens_table(d, k)))
		return walk_break(q, k, VQ_BROKEN_INDIRECT, 0, 0);
	return 0;
}

WALK_INLINE int walk_end(struct vq *q, struct vq_chain *c,
			 const struct walk *w, struct walk_kind k)
{
	if (VSU_UNLIKELY(w->bytes > UINT32_MAX))
		return walk_break(q, k, VQ_BROKEN_LENGTH, w->bytes, UINT32_MAX);
	walk_fill(q, c, w, k);
	return 0;
}

/* Walks a chain that is only the table of d. */
WALK_INLINE int walk_only_table(struct vq *q, struct vq_chain *c,
				struct walk_kind k, struct ring_desc d)
{
	struct walk w;
	int rc;

	walk_init(q, c, &w);
	rc = walk_indirect(q, c, &w, k, d);
	return VSU_UNLIKELY(rc) ? rc : walk_end(q, c, &w, k);
}

/*
 * Walks the chain whose first descriptor is d, at slot `at` of the ring, and fills the
 * chain except its head. 0, for packed rings with *slots (their number) and *id; -EAGAIN;
 * -EFAULT, and the queue is broken; or WALK_RARE.
 */
WALK_INLINE int walk_chain(struct vq *q, struct vq_chain *c,
			   struct walk_kind k, struct ring_desc d, uint32_t at,
			   uint32_t *slots, uint16_t *id)
{
	struct walk w;
	bool indirect;
	int rc;

	if (k.quick && walk_opens_table(d, k)) {
		if (k.packed) {
			*slots = 1;
			*id = packed_desc_id(d);
		}
		return walk_only_table(q, c, k, d);
	}
	walk_start(q, c, &w, k, at);
	rc = walk_table(q, c, &w, k, at, false, &d);
	if (VSU_UNLIKELY(rc))
		return rc;
	indirect = !k.quick && walk_opens_table(d, k);
	if (k.packed) {
		*slots = walk_steps(q, c, &w.room, k) + indirect;
		*id = packed_desc_id(d);
	}
	if (indirect) {
		rc = walk_indirect(q, c, &w, k, d);
		if (VSU_UNLIKELY(rc))
			return rc;
	}
	return walk_end(q, c, &w, k);
}

/*
 * Fills a chain with one buffer of len bytes. Counts, lengths and fault are one word each;
 * the readable half is first in memory.
 */
WALK_INLINE void walk_fill_single(struct vq_chain *c, bool writable,
				  uint64_t len)
{
	unsigned int shift = writable == (VSU_LE32_SWAP_(1) == 1) ? 32 : 0;
	uint64_t counts = UINT64_C(1) << shift, lens = len << shift;
	unsigned char *at = (unsigned char *)c;

	memcpy(at + offsetof(struct vq_chain, nreadable), &counts, 8);
	memcpy(at + offsetof(struct vq_chain, readable_len), &lens, 8);
	walk_no_fault(c);
}

/* Whether d is the only descriptor of its chain, and no table. */
WALK_INLINE bool walk_is_alone(struct ring_desc d, struct walk_kind k)
{
	return !(d.tail & walk_flag(k, RING_DESC_NEXT | RING_DESC_INDIRECT));
}

/* True if the chain is one plain buffer; else nothing was changed. */
WALK_INLINE bool walk_single(struct vq *q, struct vq_chain *c,
			     struct walk_kind k, struct ring_desc d)
{
	const struct vmem_range *range = q->range;

	if (!walk_is_alone(d, k) || VSU_UNLIKELY(!c->iov_max))
		return false;
	if (VSU_UNLIKELY(!walk_range_holds(range, d.addr, d.len))) {
		range = *vq_priv_stretch(q, d.addr);
		if (VSU_UNLIKELY(!walk_range_holds(range, d.addr, d.len)))
			return false;
		q->range = range;
	}
	walk_add_piece(c->iov, walk_host(range, d.addr), d.len);
	walk_fill_single(c, d.tail & walk_flag(k, RING_DESC_WRITE), d.len);
	return true;
}

#endif
