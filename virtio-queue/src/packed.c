/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device side of packed rings (VIRTIO 1.3, section 2.8). One ring has available and
 * used descriptors. A position is a slot and a wrap counter; on a line of twice the ring's
 * size, distances are plain subtractions.
 *
 * Chains are used in the slots behind next_used, whatever slots they came from. The first
 * pushed chain is stored last, at publish. The driver reads slots in order, so that it then
 * sees all of them at once. Only the flags of a chain's first slot make it available, by
 * one acquire load of the word that also has length and id. The slots that are not in
 * flight limit the walk.
 */
#include <config.h>

#include "fresh.h"
#include "idle.h"
#include "packed.h"
#include "walk.h"

static inline void step_used(struct vq *q, uint32_t n)
{
	if (ring_advance(q->size, &q->next_used, n))
		q->used_flags ^= PACKED_USED_FLAGS;
}

/* True if these flags make a slot available under the current wrap counter. */
static inline bool tail_is_available(const struct vq *q, uint32_t tail)
{
	return (tail & RING_TAIL_FLAGS) == q->avail_tail;
}

/* Pairs with the driver's release of the flags. */
static bool next_is_available(const struct vq *q)
{
	return tail_is_available(q, ring_load_tail_acquire(packed_slot(q,
							q->next_avail)));
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

/* tail is the word that made the slot available: flags and id are not loaded again. */
WALK_OUTLINE int packed_walk_full(struct vq *q, struct vq_chain *chain,
				  uint32_t tail, uint32_t *slots, uint16_t *id)
{
	return walk_chain(q, chain, WALK_FULL(true),
			  ring_desc_of(packed_slot(q, q->next_avail), tail),
			  q->next_avail, slots, id);
}

/* Uses copies, so that the slots and id of a quick walk remain in registers. */
WALK_INLINE int packed_walk_again(struct vq *q, struct vq_chain *chain,
				  uint32_t tail, uint32_t *slots, uint16_t *id)
{
	uint32_t slots_copy = 0;
	uint16_t id_copy = 0;
	int rc = packed_walk_full(q, chain, tail, &slots_copy, &id_copy);

	*slots = slots_copy;
	*id = id_copy;
	return rc;
}

/* Pops the chain that begins with d if it is one plain buffer; else false, without an effect. */
WALK_INLINE bool packed_take_single(struct vq *q, struct vq_chain *chain,
				    struct ring_desc d, uint64_t *bytes)
{
	uint16_t id = packed_desc_id(d);
	struct vq_priv_flight *flight;

	if (VSU_UNLIKELY(id >= q->size))
		return false;
	flight = &q->flights[id];
	if (VSU_UNLIKELY(flight->state) ||
	    !walk_single(q, chain, WALK_QUICK(true), d))
		return false;
	flight->ndesc = 1;
	vq_priv_hold(chain, id, flight);
	*bytes += d.len;
	return true;
}

/* Pops the chain that begins with d: 0, or as vq_pop() for one chain. */
WALK_INLINE int packed_take(struct vq *q, struct vq_chain *chain,
			    struct ring_desc d, uint16_t at, uint32_t *slots)
{
	uint16_t id;
	int rc;

	if (VSU_UNLIKELY(q->slots >= q->size))
		return vq_priv_break(q, VQ_BROKEN_INDEX, q->slots, q->size);
	/* a batch may mix chains of both kinds */
	if (walk_is_alone(d, WALK_QUICK(true)) && !q->in_order &&
	    packed_take_single(q, chain, d, &q->bytes)) {
		*slots = 1;
		q->slots++;
		return 0;
	}
	rc = walk_chain(q, chain, WALK_QUICK(true), d, at, slots, &id);
	if (VSU_UNLIKELY(rc))
		rc = packed_walk_again(q, chain, d.tail, slots, &id);
	if (VSU_UNLIKELY(rc))
		return rc;
	if (VSU_UNLIKELY(!packed_is_owned(q, id)))
		return packed_bad_id(q, id);
	q->slots += *slots;
	q->flights[id].ndesc = (uint16_t)*slots;
	vq_priv_taken(q, chain, id, vq_priv_chain_bytes(chain));
	return 0;
}

/* Pops up to n chains, until one is not a plain buffer; returns their number. */
WALK_OUTLINE unsigned int packed_pop_singles(struct vq *q,
					     struct vq_chain *chains,
					     unsigned int n)
{
	uint32_t tail, avail = q->avail_tail;
	unsigned int i, room = q->size - q->slots;
	uint16_t slot = q->next_avail;
	uint64_t bytes = 0;

	n = n < room ? n : room;
	for (i = 0; i < n; i++) {
		const unsigned char *at = packed_slot(q, slot);

		tail = ring_load_tail_acquire(at);
		if ((tail & RING_TAIL_FLAGS) != avail ||
		    !packed_take_single(q, &chains[i], ring_desc_of(at, tail),
					&bytes))
			break;
		if (ring_advance(q->size, &slot, 1))
			avail ^= RING_TAIL_FLAGS;
	}
	q->next_avail = slot;
	q->avail_tail = avail;
	q->slots += i;
	q->taken += i;
	q->bytes += bytes;
	return i;
}

/* Continues vq_pop_batch() at chain i; the chains before it are popped. */
WALK_OUTLINE int packed_pop_walked(struct vq *q, struct vq_chain *chains,
				   unsigned int i, unsigned int n)
{
	uint32_t slots = 0;
	int rc = 0;

	for (; i < n; i++) {
		uint16_t slot = q->next_avail;
		const unsigned char *at = packed_slot(q, slot);
		uint32_t tail = ring_load_tail_acquire(at);

		if (!tail_is_available(q, tail))
			break;
		rc = packed_take(q, &chains[i], ring_desc_of(at, tail), slot,
				 &slots);
		if (VSU_UNLIKELY(rc))
			break;
		packed_step_avail(q, slots);
		q->taken++;
	}
	q->count[VQ_COUNT_EMPTY] += !i && rc == 0;
	return i ? (int)i : rc;
}

/* Continues packed_pop(); the parts of a descriptor are passed in registers. */
WALK_OUTLINE int packed_pop_chain(struct vq *q, struct vq_chain *chain,
				  uint64_t addr, uint64_t len, uint32_t tail)
{
	struct ring_desc d = { addr, len, tail };
	uint32_t slots = 0;
	int rc = packed_take(q, chain, d, q->next_avail, &slots);

	if (VSU_UNLIKELY(rc))
		return rc;
	packed_step_avail(q, slots);
	q->taken++;
	return 1;
}

/* Pops after a change of the map, or with an empty or a full ring. */
WALK_OUTLINE int packed_pop_rare(struct vq *q, struct vq_chain *chain)
{
	int rc = vq_priv_fresh(q);

	return VSU_UNLIKELY(rc) ? rc : packed_pop_walked(q, chain, 0, 1);
}

static int packed_pop(struct vq *q, struct vq_chain *chain)
{
	const unsigned char *at = packed_slot(q, q->next_avail);
	struct ring_desc d;
	uint32_t tail;

	if (VSU_UNLIKELY(!vq_priv_is_fresh(q)) ||
	    VSU_UNLIKELY(q->slots >= q->size))
		return packed_pop_rare(q, chain);
	tail = ring_load_tail_acquire(at);
	if (!tail_is_available(q, tail))
		return packed_pop_rare(q, chain);
	d = ring_desc_of(at, tail);
	if (VSU_UNLIKELY(q->in_order) ||
	    !packed_take_single(q, chain, d, &q->bytes))
		return packed_pop_chain(q, chain, d.addr, d.len, d.tail);
	packed_step_avail(q, 1);
	q->slots++;
	q->taken++;
	return 1;
}

static int packed_pop_batch(struct vq *q, struct vq_chain *chains,
			    unsigned int n)
{
	unsigned int done = 0;
	int rc;

	if (n == 1)
		return packed_pop(q, chains);
	rc = vq_priv_fresh(q);
	if (VSU_UNLIKELY(rc))
		return rc;
	if (!q->in_order)
		done = packed_pop_singles(q, chains, n);
	return done == n ? (int)n : packed_pop_walked(q, chains, done, n);
}

static void packed_unpop(struct vq *q, struct vq_chain *chain)
{
	uint32_t slots = q->flights[chain->head].ndesc;

	vq_priv_untaken(q, chain);
	if (packed_step_back(q, &q->next_avail, slots))
		q->avail_tail ^= RING_TAIL_FLAGS;
	q->slots -= slots;
}

/* The second word of a used descriptor; flags are used_flags of the queue. */
static inline uint64_t used_word(uint64_t flags, uint16_t id, uint32_t written)
{
	uint64_t wrote = flags | ring_word(0, 0, RING_DESC_WRITE);

	return (written ? wrote : flags) | (uint64_t)id << 32 | written;
}

/* Stores a used descriptor, except the first since the last publish. */
static inline void packed_use(struct vq *q, uint16_t id, uint32_t written)
{
	uint64_t word = used_word(q->used_flags, id, written);

	if (VSU_UNLIKELY(q->first_word != PACKED_NO_WORD))
		ring_store64(packed_slot(q, q->next_used) + 8, word);
	else
		q->first_word = word;
	step_used(q, q->flights[id].ndesc);
}

static void packed_push(struct vq *q, const struct vq_chain *chain,
			uint32_t written)
{
	uint16_t head = chain->head;

	if (vq_priv_refuses(q, head))
		return;
	if (VSU_UNLIKELY(q->in_order)) {
		vq_priv_push_in_order(q, head, written, packed_use);
		return;
	}
	packed_use(q, head, written);
	vq_priv_release(q, head);
}

/*
 * Stores the used descriptors of all chains of a batch except the first, which was pushed.
 * Work that a batch requires only once is omitted.
 */
static void packed_push_rest(struct vq *q, const struct vq_chain *chains,
			     const uint32_t *written, unsigned int n)
{
	unsigned char *ring = q->area[AREA_DESC].hva;
	unsigned char *at = packed_slot(q, q->next_used), *end = packed_slot(q, q->size);
	struct vq_priv_flight *flights = q->flights;
	uint64_t flags = q->used_flags;
	unsigned int i;

	for (i = 1; i < n; i++) {
		uint16_t id = chains[i].head;
		struct vq_priv_flight *f = &flights[id];

		ring_store64(at + 8, used_word(flags, id, written[i]));
		at += (uint64_t)f->ndesc * RING_DESC_SIZE;
		if (VSU_UNLIKELY(at >= end)) {
			at -= end - ring;
			flags ^= PACKED_USED_FLAGS;
		}
		vq_priv_land(f);
	}
	q->next_used = (uint16_t)((at - ring) / RING_DESC_SIZE);
	q->used_flags = flags;
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

/* Marks n slots from first, in up to two runs. */
static void packed_mark_used(struct vq *q, uint32_t first, uint32_t n)
{
	const struct vq_priv_area *area = &q->area[AREA_DESC];
	uint32_t run = n < q->size - first ? n : q->size - first;

	vq_priv_mark_area(q, area, (uint64_t)first * RING_DESC_SIZE,
			  (uint64_t)run * RING_DESC_SIZE);
	vq_priv_mark_area(q, area, 0, (uint64_t)(n - run) * RING_DESC_SIZE);
}

/* Whether to notify the driver of the n slots before next_used. */
static inline bool packed_wants_call(const struct vq *q, uint32_t n)
{
	uint32_t event = ring_load32(q->area[AREA_DRIVER].hva);

	/* the most likely answer needs nothing else */
	if (ring_event_flags(event) == RING_EVENT_DISABLE)
		return false;
	return ring_packed_wants(event, q->size, q->has_event_idx,
				 ring_position(q->size, q->next_used,
					       vq_priv_used_wrap(q)), n);
}

/* Called after the first of n slots was stored: whether to notify the driver. */
static inline bool packed_after_publish(struct vq *q, uint32_t n)
{
	bool call;

	q->first_word = PACKED_NO_WORD;
	q->slots -= n;
	q->published = q->next_used;
	ring_fence();
	call = packed_wants_call(q, n);
	q->count[call ? VQ_COUNT_NOTIFIED : VQ_COUNT_SUPPRESSED]++;
	return call;
}

WALK_OUTLINE bool packed_after_publish_marked(struct vq *q, uint32_t first,
					      uint32_t n)
{
	packed_mark_used(q, first, n);
	return packed_after_publish(q, n);
}

static bool packed_publish(struct vq *q)
{
	uint32_t first = q->published, next = q->next_used, n;
	uint64_t word = q->first_word;

	if (word == PACKED_NO_WORD)
		return false;
	/* pairs with the driver's acquire, which sees later slots and data */
	ring_store64_release(packed_slot(q, first) + 8, word);
	/* Something was used, so next == first means a whole ring. */
	n = next > first ? next - first : next + q->size - first;
	return VSU_UNLIKELY(q->marks) ?
	       packed_after_publish_marked(q, first, n) :
	       packed_after_publish(q, n);
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
		return true;	/* vq_pop() reports why */
	if (q->has_event_idx)
		packed_store_wish(q, (uint16_t)(q->next_avail |
						(packed_avail_wrap(q) ? RING_WRAP : 0)),
				  RING_EVENT_DESC);
	else
		packed_store_wish(q, 0, RING_EVENT_ENABLE);
	ring_fence();
	return next_is_available(q);
}

static bool packed_has_available(struct vq *q)
{
	return vq_priv_fresh(q) || next_is_available(q);
}

const struct vq_priv_ops vq_priv_packed_ops = {
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
 * Used by in-flight tracking (tracked.c). The slots of such chains may have been overwritten by
 * used ones, so copies of the slots are walked.
 */
int vq_priv_packed_take_again(struct vq *q, struct vq_chain *chain,
			      const struct vq_priv_again *again)
{
	unsigned char *ring = q->area[AREA_DESC].hva;
	uint16_t next = q->next_avail, id;
	uint32_t slots;
	int rc;

	q->area[AREA_DESC].hva = (unsigned char *)q->track->copies;
	q->next_avail = again->at;
	rc = packed_walk_full(q, chain,
			      ring_load32(packed_slot(q, again->at) + 12), &slots,
			      &id);
	q->area[AREA_DESC].hva = ring;
	q->next_avail = next;
	if (rc < 0)
		return rc;
	if (!packed_is_owned(q, id))
		return packed_bad_id(q, id);
	q->slots += slots;
	q->flights[id].ndesc = (uint16_t)slots;
	vq_priv_taken(q, chain, id, vq_priv_chain_bytes(chain));
	vq_priv_track_packed_retaken(q, id, again);
	return 0;
}

void vq_priv_packed_use_noted(struct vq *q, uint16_t id, uint32_t written)
{
	vq_priv_track_packed_used(q, id);
	packed_use(q, id, written);
}
