/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device side of split rings (VIRTIO 1.3, section 2.7).
 *
 * Only the available index and entries, the descriptors and the driver's notification
 * settings are read from the ring; the used index is kept in private memory. Indexes count
 * modulo 2^16 and are masked at each use.
 */
#include <config.h>

#include "fresh.h"
#include "idle.h"
#include "inflight.h"
#include "ring.h"
#include "walk.h"

static unsigned char *driver_area(const struct vq *q)
{
	return q->area[AREA_DRIVER].hva;
}

static unsigned char *device_area(const struct vq *q)
{
	return q->area[AREA_DEVICE].hva;
}

static uint32_t avail_event_off(const struct vq *q)
{
	return RING_ENTRIES + 8 * q->size;
}

static inline uint32_t index_mask(const struct vq *q, uint16_t index)
{
	return index & (q->size - 1);
}

/* The number of available chains by the index that was loaded last. */
static inline uint16_t split_known(const struct vq *q)
{
	return (uint16_t)(q->avail_idx - q->next_avail);
}

/* Returns the number of available entries; stores only a valid index. */
static inline uint16_t split_look(struct vq *q)
{
	/* pairs with the driver's release of the index: entries and
	   descriptors are loaded after it */
	uint16_t idx = ring_load16_acquire(driver_area(q) + RING_IDX);
	uint16_t n = (uint16_t)(idx - q->next_avail);

	if (VSU_LIKELY(n <= q->size))
		q->avail_idx = idx;
	return n;
}

/* The number of available chains, up to want; loads the index if fewer are known. */
static inline int split_waiting(struct vq *q, unsigned int want)
{
	uint16_t n = split_known(q);

	if (n < want) {
		n = split_look(q);
		if (VSU_UNLIKELY(n > q->size))
			return vq_priv_break(q, VQ_BROKEN_INDEX, n, q->size);
	}
	return n < want ? n : (int)want;
}

static unsigned char *desc_at(const struct vq *q, uint16_t head)
{
	return q->area[AREA_DESC].hva + (uint64_t)head * RING_DESC_SIZE;
}

static bool split_is_owned(const struct vq *q, uint16_t head)
{
	return head < q->size && !q->flights[head].state;
}

static int split_bad_head(struct vq *q, uint16_t head)
{
	return vq_priv_break(q, head < q->size ? VQ_BROKEN_TWICE :
			     VQ_BROKEN_HEAD, head, q->size);
}

WALK_OUTLINE int split_walk_full(struct vq *q, struct vq_chain *chain,
				 uint16_t head)
{
	return walk_chain(q, chain, WALK_FULL(false),
			  ring_load_desc(desc_at(q, head)), head, NULL, NULL);
}

/* Pops the chain at head, whose first descriptor is d. Returns 0 or the errors of vq_pop(). */
WALK_INLINE int split_take_from(struct vq *q, struct vq_chain *chain,
				uint16_t head, struct ring_desc d)
{
	int rc = walk_chain(q, chain, WALK_QUICK(false), d, head, NULL, NULL);

	if (VSU_UNLIKELY(rc))
		rc = split_walk_full(q, chain, head);
	if (VSU_UNLIKELY(rc))
		return rc;
	vq_priv_taken(q, chain, head, vq_priv_chain_bytes(chain));
	return 0;
}

WALK_INLINE int split_take(struct vq *q, struct vq_chain *chain, uint16_t head)
{
	struct ring_desc d;

	if (VSU_UNLIKELY(!split_is_owned(q, head)))
		return split_bad_head(q, head);
	d = ring_load_desc(desc_at(q, head));
	/* a batch may mix chains of both kinds */
	if (!walk_is_alone(d, WALK_QUICK(false)) || q->in_order ||
	    !walk_single(q, chain, WALK_QUICK(false), d))
		return split_take_from(q, chain, head, d);
	vq_priv_hold(chain, head, &q->flights[head]);
	q->bytes += d.len;
	return 0;
}

/*
 * Copies of members of the queue for a loop, whose stores the compiler assumes to change
 * those.
 */
struct split_ring {
	const unsigned char *heads, *desc;
	struct vq_priv_flight *flights;
	uint32_t size;
};

WALK_INLINE struct split_ring split_ring(const struct vq *q)
{
	return (struct split_ring){ driver_area(q) + RING_ENTRIES,
				    q->area[AREA_DESC].hva, q->flights,
				    q->size };
}

WALK_INLINE uint16_t split_head(struct split_ring ring, uint16_t index)
{
	return ring_load16(ring.heads + 2u * (index & (ring.size - 1)));
}

/* Pops the chain at an index if it is one plain buffer; else false, without an effect. */
WALK_INLINE bool split_take_single(struct vq *q, struct vq_chain *chain,
				   struct split_ring ring, uint16_t index,
				   uint64_t *bytes)
{
	uint16_t head = split_head(ring, index);
	struct ring_desc d;

	if (VSU_UNLIKELY(head >= ring.size || ring.flights[head].state))
		return false;
	d = ring_load_desc(ring.desc + (uint64_t)head * RING_DESC_SIZE);
	if (!walk_single(q, chain, WALK_QUICK(false), d))
		return false;
	vq_priv_hold(chain, head, &ring.flights[head]);
	*bytes += d.len;
	return true;
}

/* Pops up to n chains, until one is not a plain buffer; returns their number. */
WALK_OUTLINE int split_pop_singles(struct vq *q, struct vq_chain *chains, int n)
{
	const struct split_ring ring = split_ring(q);
	uint16_t next = q->next_avail;
	uint64_t bytes = 0;
	int i;

	for (i = 0; i < n; i++, next++)
		if (!split_take_single(q, &chains[i], ring, next, &bytes))
			break;
	q->next_avail = next;
	q->taken += (unsigned int)i;
	q->bytes += bytes;
	return i;
}

/* Continues vq_pop_batch() at chain i; the chains before it are popped. */
WALK_OUTLINE int split_pop_walked(struct vq *q, struct vq_chain *chains, int i,
				  int n)
{
	int rc = 0;

	for (; i < n; i++) {
		rc = split_take(q, &chains[i],
				split_head(split_ring(q), q->next_avail));
		if (VSU_UNLIKELY(rc))
			break;
		q->next_avail++;
		q->taken++;
	}
	return i ? i : rc;
}

static inline int split_ready(struct vq *q, unsigned int n)
{
	int rc = vq_priv_fresh(q);

	if (VSU_UNLIKELY(rc))
		return rc;
	rc = split_waiting(q, n < q->size ? n : q->size);
	q->count[VQ_COUNT_EMPTY] += rc == 0;
	return rc;
}

/* Continues split_pop(); the parts of a descriptor are passed in registers. */
WALK_OUTLINE int split_pop_chain(struct vq *q, struct vq_chain *chain,
				 uint16_t head, uint64_t addr, uint64_t len,
				 uint32_t tail)
{
	struct ring_desc d = { addr, len, tail };
	int rc = split_take_from(q, chain, head, d);

	if (VSU_UNLIKELY(rc))
		return rc;
	q->next_avail++;
	q->taken++;
	return 1;
}

/* Pops after a change of the map, or with an empty or a bad ring. */
WALK_OUTLINE int split_pop_rare(struct vq *q, struct vq_chain *chain)
{
	int waiting = split_ready(q, 1);

	return waiting == 1 ? split_pop_walked(q, chain, 0, 1) : waiting;
}

static int split_pop(struct vq *q, struct vq_chain *chain)
{
	struct vq_priv_flight *flight;
	struct ring_desc d;
	uint16_t head;

	if (VSU_UNLIKELY(!vq_priv_is_fresh(q)) ||
	    (!split_known(q) && split_look(q) - 1u >= q->size))
		return split_pop_rare(q, chain);
	head = split_head(split_ring(q), q->next_avail);
	if (VSU_UNLIKELY(!split_is_owned(q, head)))
		return split_bad_head(q, head);
	flight = &q->flights[head];
	d = ring_load_desc(desc_at(q, head));
	if (VSU_UNLIKELY(q->in_order) ||
	    !walk_single(q, chain, WALK_QUICK(false), d))
		return split_pop_chain(q, chain, head, d.addr, d.len, d.tail);
	vq_priv_hold(chain, head, flight);
	q->bytes += d.len;
	q->next_avail++;
	q->taken++;
	return 1;
}

static int split_pop_batch(struct vq *q, struct vq_chain *chains,
			   unsigned int n)
{
	int waiting = split_ready(q, n), done = 0;

	if (VSU_UNLIKELY(waiting <= 0))
		return waiting;
	if (waiting == 1)	/* as usual in a slow ring */
		return split_pop(q, chains);
	if (!q->in_order)
		done = split_pop_singles(q, chains, waiting);
	return done == waiting ? done :
	       split_pop_walked(q, chains, done, waiting);
}

static void split_unpop(struct vq *q, struct vq_chain *chain)
{
	vq_priv_untaken(q, chain);
	q->next_avail--;
}

static inline void split_put_used(unsigned char *entries, uint32_t slot,
				  uint16_t id, uint32_t written)
{
	ring_store64(entries + 8 * (uint64_t)slot,
		     (uint64_t)written << 32 | id);
}

static void split_use(struct vq *q, uint16_t id, uint32_t written)
{
	split_put_used(device_area(q) + RING_ENTRIES, index_mask(q, q->next_used),
		       id, written);
	q->next_used++;
}

static void split_push(struct vq *q, const struct vq_chain *chain,
		       uint32_t written)
{
	if (vq_priv_refuses(q, chain->head))
		return;
	if (VSU_UNLIKELY(q->in_order)) {
		vq_priv_push_in_order(q, chain->head, written, split_use);
		return;
	}
	split_use(q, chain->head, written);
	vq_priv_release(q, chain->head);
}

/* Pushes a batch. Work that a batch requires only once is omitted, and so are checks. */
static void split_push_batch(struct vq *q, const struct vq_chain *chains,
			     const uint32_t *written, unsigned int n)
{
	unsigned char *entries = device_area(q) + RING_ENTRIES;
	struct vq_priv_flight *flights = q->flights;
	uint32_t next = q->next_used, last = q->size - 1;
	unsigned int i;
	uint16_t head;

	if (VSU_UNLIKELY(q->in_order)) {
		for (i = 0; i < n; i++)
			split_push(q, &chains[i], written[i]);
		return;
	}
	for (i = 0; i < n; i++) {
		head = chains[i].head;
		split_put_used(entries, next++ & last, head, written[i]);
		vq_priv_land(&flights[head]);
	}
	q->next_used = (uint16_t)next;
	q->released += n;
}

/* Marks the used elements of [published, next_used), in up to two runs. */
static void split_mark_used(struct vq *q)
{
	const struct vq_priv_area *area = &q->area[AREA_DEVICE];
	uint32_t first = index_mask(q, (uint16_t)q->published);
	uint32_t n = (uint16_t)(q->next_used - q->published);
	uint32_t run;

	n = n < q->size ? n : q->size;
	run = n < q->size - first ? n : q->size - first;
	vq_priv_mark_area(q, area, RING_ENTRIES + 8 * first, 8 * run);
	vq_priv_mark_area(q, area, RING_ENTRIES, 8 * (n - run));
	vq_priv_mark_area(q, area, RING_IDX, 2);
}

static inline bool split_wants_call(const struct vq *q, uint16_t old)
{
	uint16_t event;

	if (!q->has_event_idx)
		return !(ring_load16(driver_area(q) + RING_FLAGS) &
			 RING_NO_INTERRUPT);
	event = ring_load16(driver_area(q) + RING_ENTRIES + 2 * q->size);
	return ring_need_event(event, q->next_used, old);
}

/* Called after the index was stored: whether to notify the driver. */
static inline bool split_after_publish(struct vq *q, uint16_t old)
{
	bool call;

	q->published = q->next_used;
	ring_fence();
	call = split_wants_call(q, old);
	q->count[call ? VQ_COUNT_NOTIFIED : VQ_COUNT_SUPPRESSED]++;
	return call;
}

WALK_OUTLINE bool split_after_publish_marked(struct vq *q, uint16_t old)
{
	split_mark_used(q);
	return split_after_publish(q, old);
}

static bool split_publish(struct vq *q)
{
	uint16_t old = (uint16_t)q->published;

	if (q->next_used == old)
		return false;
	/* pairs with the driver's acquire, which sees elements and data */
	ring_store16_release(device_area(q) + RING_IDX, q->next_used);
	return VSU_UNLIKELY(q->marks) ? split_after_publish_marked(q, old) :
	       split_after_publish(q, old);
}

static void split_store_wish(struct vq *q, uint32_t off, uint16_t value)
{
	ring_store16(device_area(q) + off, value);
	if (VSU_UNLIKELY(q->marks))
		vq_priv_mark_area(q, &q->area[AREA_DEVICE], off, 2);
}

/* With an event index, its old value already suppresses notifications. */
static void split_disable_notify(struct vq *q)
{
	if (!q->has_event_idx)
		split_store_wish(q, RING_FLAGS, RING_NO_NOTIFY);
}

static bool split_peek(struct vq *q)
{
	return ring_load16_acquire(driver_area(q) + RING_IDX) != q->next_avail;
}

static bool split_enable_notify(struct vq *q)
{
	if (vq_priv_fresh(q))
		return true;	/* vq_pop() reports why */
	if (q->has_event_idx)
		split_store_wish(q, avail_event_off(q), q->next_avail);
	else
		split_store_wish(q, RING_FLAGS, 0);
	ring_fence();
	return split_peek(q);
}

static bool split_has_available(struct vq *q)
{
	return vq_priv_fresh(q) || split_peek(q);
}

const struct vq_priv_ops vq_priv_split_ops = {
	.pop = split_pop,
	.pop_batch = split_pop_batch,
	.unpop = split_unpop,
	.push = split_push,
	.push_batch = split_push_batch,
	.publish = split_publish,
	.disable_notify = split_disable_notify,
	.enable_notify = split_enable_notify,
	.has_available = split_has_available,
};

/* Used by in-flight tracking (tracked.c). */
int vq_priv_split_take_again(struct vq *q, struct vq_chain *chain,
			     const struct vq_priv_again *again)
{
	return split_take(q, chain, again->head);
}

void vq_priv_split_use_noted(struct vq *q, uint16_t id, uint32_t written)
{
	vq_priv_track_split_used(q, id);
	split_use(q, id, written);
}
