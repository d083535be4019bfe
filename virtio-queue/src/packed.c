/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Packed rings from the device's side (VIRTIO 1.3, section 2.8).
 *
 * One ring carries both directions. A position is a slot and a wrap counter;
 * laid out on a line of twice the ring's size, distances are plain
 * subtractions. Chains are used in the slots behind next_used, whatever slots
 * they came from; the first one that is pushed is held back until publish,
 * so that the driver, which looks at slots in order, sees all of them at once.
 *
 * The flags of a chain's first slot alone make it available, by one acquire
 * load of the word that also holds length and id; the walk is bounded by the
 * slots that are not in flight.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "inflight.h"
#include "ring.h"
#include "vq.h"
#include "walk.h"

static inline unsigned char *slot_at(const struct vq *q, uint32_t slot)
{
	return q->area[AREA_DESC].hva + (uint64_t)slot * RING_DESC_SIZE;
}

static uint32_t used_position(const struct vq *q)
{
	return ring_position(q->size, q->next_used, q->used_wrap);
}

static void step_back(const struct vq *q, uint16_t *slot, bool *wrap,
		      uint32_t n)
{
	if (n > *slot)
		*wrap = !*wrap;
	*slot = (uint16_t)(n > *slot ? *slot + q->size - n : *slot - n);
}

/* Pairs with the driver's release of the flags. */
static inline uint32_t load_next(const struct vq *q)
{
	return ring_load32_acquire(slot_at(q, q->next_avail) + 12);
}

static inline bool packed_is_owned(const struct vq *q, uint16_t id)
{
	return id < q->size && !q->flights[id].state;
}

static int packed_bad_id(struct vq *q, uint16_t id)
{
	return vq_priv_break(q, id < q->size ? VQ_BROKEN_TWICE :
			     VQ_BROKEN_HEAD, id, q->size);
}

/* d is what was available: its slot is not loaded again. */
WALK_OUTLINE int packed_walk_full(struct vq *q, struct vq_chain *chain,
				  struct ring_desc d, uint32_t *slots,
				  uint16_t *id)
{
	return walk_chain(q, chain, WALK_FULL(true), d, q->next_avail, slots,
			  id);
}

/* With copies, so that slots and id of quick walks stay in registers. */
WALK_INLINE int packed_walk_again(struct vq *q, struct vq_chain *chain,
				  struct ring_desc d, uint32_t *slots,
				  uint16_t *id)
{
	uint32_t slots_copy = 0;
	uint16_t id_copy = 0;
	int rc = packed_walk_full(q, chain, d, &slots_copy, &id_copy);

	*slots = slots_copy;
	*id = id_copy;
	return rc;
}

/* The next chain, which begins with d: 0, or as vq_pop() without one. */
WALK_INLINE int packed_take(struct vq *q, struct vq_chain *chain,
			    struct ring_desc d, uint16_t at, uint32_t *slots)
{
	uint16_t id;
	int rc;

	if (VSU_UNLIKELY(q->slots >= q->size))
		return vq_priv_break(q, VQ_BROKEN_INDEX, q->slots, q->size);
	rc = walk_chain(q, chain, WALK_QUICK(true), d, at, slots, &id);
	if (VSU_UNLIKELY(rc))
		rc = packed_walk_again(q, chain, d, slots, &id);
	if (VSU_UNLIKELY(rc))
		return rc;
	if (VSU_UNLIKELY(!packed_is_owned(q, id)))
		return packed_bad_id(q, id);
	q->slots += *slots;
	q->flights[id].ndesc = (uint16_t)*slots;
	vq_priv_taken(q, chain, id, vq_priv_chain_bytes(chain));
	return 0;
}

/* The one in a slot whose tail was loaded, if it is of the simplest kind. */
WALK_INLINE bool packed_take_single(struct vq *q, struct vq_chain *chain,
				    const unsigned char *slot, uint32_t tail,
				    uint64_t *bytes)
{
	struct ring_desc d = ring_desc_of(slot, tail);
	uint16_t id = packed_desc_id(d);
	struct vq_priv_flight *flight;

	if (VSU_UNLIKELY(!packed_is_owned(q, id)) ||
	    !walk_single(q, chain, WALK_QUICK(true), d))
		return false;
	flight = &q->flights[id];
	flight->ndesc = 1;
	vq_priv_hold(chain, id, flight);
	*bytes += d.len;
	return true;
}

/* The first of up to n chains, as far as they are simple: how many. */
WALK_OUTLINE unsigned int packed_pop_singles(struct vq *q,
					     struct vq_chain *chains,
					     unsigned int n)
{
	uint32_t tail, avail = ring_avail_tail(q->avail_wrap);
	unsigned int i, room = q->size - q->slots;
	uint16_t slot = q->next_avail;
	uint64_t bytes = 0;

	n = n < room ? n : room;
	for (i = 0; i < n; i++) {
		const unsigned char *at = slot_at(q, slot);

		tail = ring_load32_acquire(at + 12);
		if ((tail & RING_TAIL_FLAGS) != avail ||
		    !packed_take_single(q, &chains[i], at, tail, &bytes))
			break;
		if (ring_step(q->size, &slot, &q->avail_wrap, 1))
			avail ^= RING_TAIL_FLAGS;
	}
	q->next_avail = slot;
	q->slots += i;
	q->taken += i;
	q->bytes += bytes;
	return i;
}

/* As vq_pop_batch() for the rest of n; i of them were popped. */
WALK_OUTLINE int packed_pop_walked(struct vq *q, struct vq_chain *chains,
				   unsigned int i, unsigned int n)
{
	uint32_t slots = 0, avail = ring_avail_tail(q->avail_wrap);
	int rc = 0;

	for (; i < n; i++) {
		uint16_t slot = q->next_avail;
		const unsigned char *at = slot_at(q, slot);
		uint32_t tail = ring_load32_acquire(at + 12);

		if ((tail & RING_TAIL_FLAGS) != avail)
			break;
		rc = packed_take(q, &chains[i], ring_desc_of(at, tail), slot,
				 &slots);
		if (VSU_UNLIKELY(rc))
			break;
		if (ring_step(q->size, &q->next_avail, &q->avail_wrap, slots))
			avail ^= RING_TAIL_FLAGS;
		q->taken++;
	}
	q->count[VQ_COUNT_EMPTY] += !i && rc == 0;
	return i ? (int)i : rc;
}

static int packed_pop_batch(struct vq *q, struct vq_chain *chains,
			    unsigned int n)
{
	unsigned int done = 0;
	int rc = vq_priv_fresh(q);

	if (VSU_UNLIKELY(rc))
		return rc;
	if (!q->in_order)
		done = packed_pop_singles(q, chains, n);
	return done == n ? (int)n : packed_pop_walked(q, chains, done, n);
}

/* One chain of the simplest kind; else nothing was done. */
WALK_INLINE bool packed_pop_single(struct vq *q, struct vq_chain *chain)
{
	const unsigned char *at = slot_at(q, q->next_avail);
	uint32_t tail;

	if (VSU_UNLIKELY(!vq_priv_is_fresh(q)) || VSU_UNLIKELY(q->in_order) ||
	    VSU_UNLIKELY(q->slots >= q->size))
		return false;
	tail = ring_load32_acquire(at + 12);
	if (!ring_tail_is_available(tail, q->avail_wrap) ||
	    !packed_take_single(q, chain, at, tail, &q->bytes))
		return false;
	ring_step(q->size, &q->next_avail, &q->avail_wrap, 1);
	q->slots++;
	q->taken++;
	return true;
}

static int packed_pop_one(struct vq *q, struct vq_chain *chain)
{
	int rc = vq_priv_fresh(q);

	return VSU_UNLIKELY(rc) ? rc : packed_pop_walked(q, chain, 0, 1);
}

static int packed_pop(struct vq *q, struct vq_chain *chain)
{
	return packed_pop_single(q, chain) ? 1 : packed_pop_one(q, chain);
}

static void packed_unpop(struct vq *q, struct vq_chain *chain)
{
	uint32_t slots = q->flights[chain->head].ndesc;

	vq_priv_untaken(q, chain);
	step_back(q, &q->next_avail, &q->avail_wrap, slots);
	q->slots -= slots;
}

/* The second word of a used descriptor; flags are those under the wrap. */
static inline uint64_t used_word(uint64_t flags, uint16_t id, uint32_t written)
{
	uint64_t word = flags | (uint64_t)id << 32 | written;

	return written ? word | ring_word(0, 0, RING_DESC_WRITE) : word;
}

static inline uint64_t used_flags(const struct vq *q)
{
	return ring_word(0, 0, ring_used_flags(q->used_wrap));
}

/* One used descriptor; the first since the last publish waits for it. */
static inline void packed_use(struct vq *q, uint16_t id, uint32_t written)
{
	uint64_t word = used_word(used_flags(q), id, written);
	uint16_t ndesc = q->flights[id].ndesc;

	if (q->pending)
		ring_store64(slot_at(q, q->next_used) + 8, word);
	else
		q->first_word = word;
	ring_step(q->size, &q->next_used, &q->used_wrap, ndesc);
	q->pending += ndesc;
}

static void packed_push(struct vq *q, const struct vq_chain *chain,
			uint32_t written)
{
	uint16_t head = chain->head;

	if (VSU_UNLIKELY(q->in_order)) {
		vq_priv_push_in_order(q, head, written, packed_use);
		return;
	}
	packed_use(q, head, written);
	vq_priv_release(q, head);
}

/*
 * All but the first, which is pushed: as packed_push(), with what a batch
 * needs to do only once apart.
 */
static void packed_push_rest(struct vq *q, const struct vq_chain *chains,
			     const uint32_t *written, unsigned int n)
{
	unsigned char *ring = q->area[AREA_DESC].hva;
	uint64_t flags = used_flags(q);
	uint32_t slot = q->next_used, pending = q->pending, size = q->size;
	unsigned int i;

	for (i = 1; i < n; i++) {
		uint16_t id = chains[i].head;
		struct vq_priv_flight *f = &q->flights[id];

		ring_store64(ring + (uint64_t)slot * RING_DESC_SIZE + 8,
			     used_word(flags, id, written[i]));
		pending += f->ndesc;
		slot += f->ndesc;
		if (VSU_UNLIKELY(slot >= size)) {
			slot -= size;
			q->used_wrap = !q->used_wrap;
			flags = used_flags(q);
		}
		vq_priv_land(f);
	}
	q->next_used = (uint16_t)slot;
	q->pending = pending;
	q->released += n - 1;
}

static void packed_push_batch(struct vq *q, const struct vq_chain *chains,
			      const uint32_t *written, unsigned int n)
{
	unsigned int i;

	if (VSU_UNLIKELY(q->in_order)) {
		for (i = 0; i < n; i++)
			packed_push(q, &chains[i], written[i]);
	} else if (n) {
		packed_push(q, chains, written[0]);
		packed_push_rest(q, chains, written, n);
	}
}

/* The slots from the first held back on, in up to two runs. */
static void packed_mark_used(struct vq *q, uint32_t first)
{
	const struct vq_priv_area *area = &q->area[AREA_DESC];
	uint32_t n = q->pending;
	uint32_t run = n < q->size - first ? n : q->size - first;

	vq_priv_mark_area(q, area, (uint64_t)first * RING_DESC_SIZE,
			  (uint64_t)run * RING_DESC_SIZE);
	vq_priv_mark_area(q, area, 0, (uint64_t)(n - run) * RING_DESC_SIZE);
}

/* The first slot was stored: whether the driver is to be told. */
static inline bool packed_settle(struct vq *q, uint32_t old)
{
	bool call;

	q->slots -= q->pending;
	q->pending = 0;
	q->published = used_position(q);
	ring_fence();
	call = ring_packed_wants(q->area[AREA_DRIVER].hva, q->size,
				 q->has_event_idx, old, q->published);
	q->count[call ? VQ_COUNT_NOTIFIED : VQ_COUNT_SUPPRESSED]++;
	return call;
}

WALK_OUTLINE bool packed_settle_marked(struct vq *q, uint32_t old,
				       uint32_t first)
{
	packed_mark_used(q, first);
	return packed_settle(q, old);
}

static bool packed_publish(struct vq *q)
{
	uint32_t old = q->published;
	uint32_t first = old < q->size ? old : old - q->size;

	if (!q->pending)
		return false;
	/* pairs with the driver's acquire: it sees later slots and data */
	ring_store64_release(slot_at(q, first) + 8, q->first_word);
	return VSU_UNLIKELY(q->marks) ? packed_settle_marked(q, old, first) :
	       packed_settle(q, old);
}

static void packed_store_wish(struct vq *q, uint16_t where, uint16_t flags)
{
	ring_store32(q->area[AREA_DEVICE].hva, (uint32_t)flags << 16 | where);
	if (VSU_UNLIKELY(q->marks))
		vq_priv_mark_area(q, &q->area[AREA_DEVICE], 0,
				  RING_EVENT_SIZE);
}

static void packed_disable_notify(struct vq *q)
{
	packed_store_wish(q, 0, RING_EVENT_DISABLE);
}

static bool packed_enable_notify(struct vq *q)
{
	if (vq_priv_fresh(q))
		return true;	/* vq_pop() says why */
	if (q->has_event_idx)
		packed_store_wish(q, (uint16_t)(q->next_avail |
						(q->avail_wrap ? RING_WRAP : 0)),
				  RING_EVENT_DESC);
	else
		packed_store_wish(q, 0, RING_EVENT_ENABLE);
	ring_fence();
	return ring_tail_is_available(load_next(q), q->avail_wrap);
}

static bool packed_has_available(struct vq *q)
{
	return vq_priv_fresh(q) ||
	       ring_tail_is_available(load_next(q), q->avail_wrap);
}

static uint64_t packed_desc_len(uint32_t size)
{
	return (uint64_t)size * RING_DESC_SIZE;
}

static uint64_t packed_event_len(uint32_t size)
{
	(void)size;
	return RING_EVENT_SIZE;
}

/*
 * Next used may be behind next available by what was in flight when somebody
 * else drove the ring; those slots are never more than the ring has.
 */
static int packed_start(struct vq *q, uint32_t base, struct vsu_error *err)
{
	uint32_t avail = base & (RING_WRAP - 1);
	uint32_t used = base >> 16 & (RING_WRAP - 1);
	bool avail_wrap = base & RING_WRAP, used_wrap = base >> 31;
	uint32_t apart = 0;

	if (avail < q->size && used < q->size)
		apart = ring_distance(q->size,
				      ring_position(q->size, used, used_wrap),
				      ring_position(q->size, avail,
						    avail_wrap));
	if (avail >= q->size || used >= q->size || apart > q->size)
		return vsu_error_set(err, -EINVAL, "ring %u: base %#" PRIx32
				     " is no pair of positions in a packed ring of %"
				     PRIu32 " entries", q->index, base,
				     q->size);
	q->next_avail = (uint16_t)avail;
	q->avail_wrap = avail_wrap;
	q->next_used = (uint16_t)used;
	q->used_wrap = used_wrap;
	q->published = used_position(q);
	q->slots = apart;
	q->pending = 0;
	return 0;
}

static uint32_t packed_base(const struct vq *q)
{
	return q->next_avail | (q->avail_wrap ? RING_WRAP : 0) |
	       (uint32_t)q->next_used << 16 |
	       (q->used_wrap ? (uint32_t)RING_WRAP << 16 : 0);
}

static const struct vq_priv_ops packed_ops = {
	.pop = packed_pop,
	.pop_batch = packed_pop_batch,
	.unpop = packed_unpop,
	.push = packed_push,
	.push_batch = packed_push_batch,
	.publish = packed_publish,
	.disable_notify = packed_disable_notify,
	.enable_notify = packed_enable_notify,
	.has_available = packed_has_available,
};

/*
 * What in-flight tracking adds; see tracked.c. Chains to be taken again are
 * walked in copies of their slots: in the ring used ones may have overwritten
 * them.
 */
static int packed_take_again(struct vq *q, struct vq_chain *chain,
			     const struct vq_priv_again *again)
{
	unsigned char *ring = q->area[AREA_DESC].hva;
	uint16_t next = q->next_avail, id;
	uint32_t slots;
	int rc;

	q->area[AREA_DESC].hva = (unsigned char *)q->track->copies;
	q->next_avail = again->at;
	rc = packed_walk_full(q, chain, ring_load_desc(slot_at(q, again->at)),
			      &slots, &id);
	q->area[AREA_DESC].hva = ring;
	q->next_avail = next;
	if (rc)
		return rc;
	if (!packed_is_owned(q, id))
		return packed_bad_id(q, id);
	q->slots += slots;
	q->flights[id].ndesc = (uint16_t)slots;
	vq_priv_taken(q, chain, id, vq_priv_chain_bytes(chain));
	vq_priv_track_packed_retaken(q, id, again);
	return 0;
}

static void packed_note_taken(struct vq *q, const struct vq_chain *chains,
			      unsigned int n)
{
	uint16_t slot = q->next_avail, ndesc;
	bool wrap = q->avail_wrap;
	unsigned int i;

	for (i = 0; i < n; i++)
		step_back(q, &slot, &wrap, q->flights[chains[i].head].ndesc);
	for (i = 0; i < n; i++) {
		ndesc = q->flights[chains[i].head].ndesc;
		vq_priv_track_packed_taken(q, chains[i].head, slot, ndesc);
		ring_step(q->size, &slot, &wrap, ndesc);
	}
}

static void packed_use_noted(struct vq *q, uint16_t id, uint32_t written)
{
	vq_priv_track_packed_used(q, id);
	packed_use(q, id, written);
}

/*
 * Of a batch that the driver never saw all used slots but the first may be in
 * the ring. The driver would see them as soon as it comes to them, whatever
 * became of their requests: they are made available ones again.
 */
static void take_back_used(struct vq *q, uint32_t n)
{
	uint16_t slot = q->next_used;
	bool wrap = q->used_wrap;
	uint64_t word, both;

	both = (uint64_t)(RING_DESC_AVAIL | RING_DESC_USED) << 48;
	for (; n; n--, ring_step(q->size, &slot, &wrap, 1)) {
		word = ring_load64(slot_at(q, slot) + 8);
		if (!ring_word_is_used(word, wrap))
			continue;
		ring_store64(slot_at(q, slot) + 8, (word & ~both) |
			     (uint64_t)ring_avail_flags(wrap) << 48);
		if (q->marks)
			vq_priv_mark_area(q, &q->area[AREA_DESC],
					  slot * RING_DESC_SIZE,
					  RING_DESC_SIZE);
	}
}

/* The base is for an area that was never used; else the area has it. */
static int packed_start_tracked(struct vq *q, uint32_t base,
				struct vsu_error *err)
{
	uint32_t taken;
	int rc = vq_priv_track_packed_recover(q, &taken, err);

	if (rc < 0)
		return rc;
	if (!rc) {
		rc = packed_start(q, base, err);
		if (rc == 0)
			vq_priv_track_packed_begin(q);
		return rc;
	}
	q->next_used = q->next_avail = q->track->used_idx;
	q->used_wrap = q->avail_wrap = q->track->used_wrap;
	ring_step(q->size, &q->next_avail, &q->avail_wrap, taken);
	q->published = used_position(q);
	q->slots = q->pending = 0;
	take_back_used(q, taken);
	return 0;
}

static const struct vq_priv_tracking packed_tracking = {
	.start = packed_start_tracked,
	.take_again = packed_take_again,
	.taken = packed_note_taken,
	.untaken = vq_priv_track_packed_untaken,
	.use = packed_use_noted,
	.publish = vq_priv_track_packed_publish,
	.published = vq_priv_track_packed_published,
};

const struct vq_priv_format vq_priv_packed = {
	.ops = &packed_ops,
	.tracking = &packed_tracking,
	.align = { 16, 4, 4 },
	.desc_access = VMEM_READ | VMEM_WRITE,
	.desc_len = packed_desc_len,
	.driver_len = packed_event_len,
	.device_len = packed_event_len,
	.start = packed_start,
	.base = packed_base,
};
