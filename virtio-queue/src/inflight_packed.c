/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The in-flight area of a packed ring, in the layout of vhost-user's back-ends and in host
 * byte order.
 *
 * A used slot overwrites the driver's descriptors, so the area has copies: one entry for
 * each slot of a chain in flight, linked. The other entries form the free list. The area
 * has the position and the head of the free list twice: the current values, and "old" ones,
 * which are those after the last complete step.
 *
 *   pop      fill the entries, mark the first one, advance free_head; old_free_head commits
 *   push     link the chains of a batch into the free list, advance the position;
 *            publish their first used slot; clear the marks; update the old values
 *
 * After a crash during a push, the position differs from the old one, and the flags of the
 * ring's slot show whether the driver saw the batch. If it did, recovery uses the current
 * values, else the old ones. It uses the old ones also after a crash during a pop.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "inflight.h"

struct packed_entry {
	uint8_t inflight;
	uint8_t pad;
	uint16_t next;			/* of the chain, or of the free list */
	uint16_t last;			/* entry of the chain */
	uint16_t num;			/* entries of the chain */
	uint64_t counter;		/* order in which chains were popped */
	uint16_t id;
	uint16_t flags;
	uint32_t len;
	uint64_t addr;
};

/* One word, so that its members change at once. */
union packed_used {
	struct {
		uint16_t idx, old_idx;
		uint8_t wrap, old_wrap;
		uint8_t pad[2];
	} at;
	uint64_t word;
};

struct packed_area {
	uint64_t features;		/* 0 */
	uint16_t version;		/* 0: never used */
	uint16_t desc_num;		/* entries */
	uint16_t free_head, old_free_head;
	union packed_used used;
	uint8_t pad[8];
	struct packed_entry entry[];
};

static_assert(sizeof(struct packed_entry) == 32, "an entry is 32 bytes");
static_assert(offsetof(struct packed_entry, counter) == 8, "counter is at 8");
static_assert(offsetof(struct packed_entry, addr) == 24, "addr is at 24");
static_assert(offsetof(struct packed_area, used) == 16, "positions are at 16");
static_assert(sizeof(struct packed_area) == 32, "the header is 32 bytes");

#define UNSEEN 0xffffu			/* neither an entry nor the end of a list */

uint64_t vq_priv_track_packed_size(uint32_t entries)
{
	return sizeof(struct packed_area) +
	       (uint64_t)entries * sizeof(struct packed_entry);
}

static struct packed_area *area_of(const struct vq_priv_track *t)
{
	return t->area;
}

static int area_damaged(const struct vq *q, const char *what, uint32_t value,
			struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "ring %" PRIu32
			     ": the in-flight area is damaged: %s (%" PRIu32 ")",
			     q->index, what, value);
}

static void store_used(struct vq_priv_track *t, uint16_t idx, bool wrap,
		       bool old_too)
{
	union packed_used used = { .at = { .idx = idx, .wrap = wrap } };

	if (old_too) {
		t->used_idx = idx;
		t->used_wrap = wrap;
	}
	used.at.old_idx = t->used_idx;
	used.at.old_wrap = t->used_wrap;
	AREA_COMMIT(area_of(t)->used.word, used.word);
}

/* Sets current and old values alike, after a step was completed or undone. */
static void place_track(struct vq_priv_track *t, uint16_t free_head,
			uint16_t idx, bool wrap)
{
	struct packed_area *area = area_of(t);

	t->free_head = free_head;
	AREA_STORE(area->free_head, free_head);
	AREA_COMMIT(area->old_free_head, free_head);
	store_used(t, idx, wrap, true);
}

/* Whether the driver saw the batch that begins at this slot. */
static bool was_seen(const struct vq *q, uint16_t slot, bool wrap)
{
	const unsigned char *at = q->area[AREA_DESC].hva +
				  (uint32_t)slot * RING_DESC_SIZE;

	return !ring_tail_is_available(ring_load_tail_acquire(at), wrap);
}

static int finish_batch(struct vq *q, struct vsu_error *err)
{
	struct packed_area *area = area_of(q->track);
	uint16_t free_head = AREA_LOAD(area->free_head);
	uint16_t old_free_head = AREA_LOAD(area->old_free_head);
	union packed_used used = { .word = AREA_LOAD(area->used.word) };
	bool wrap = used.at.wrap & 1, old_wrap = used.at.old_wrap & 1;

	if (used.at.idx >= q->size || used.at.old_idx >= q->size)
		return area_damaged(q, "a position is not in the ring",
				    used.at.idx >= q->size ? used.at.idx :
				    used.at.old_idx, err);
	if ((used.at.idx != used.at.old_idx || wrap != old_wrap) &&
	    was_seen(q, used.at.old_idx, old_wrap))
		place_track(q->track, free_head, used.at.idx, wrap);
	else
		place_track(q->track, old_free_head, used.at.old_idx, old_wrap);
	return 0;
}

/* Records the link of an entry; false if the entry was visited before. */
static bool entry_see(struct vq_priv_track *t, uint16_t at)
{
	uint16_t next = AREA_LOAD(area_of(t)->entry[at].next);

	if (t->next[at] != UNSEEN)
		return false;
	t->next[at] = next < t->entries ? next : (uint16_t)t->entries;
	return true;
}

/*
 * Follows the free list, which ends with a number that is not an entry; *n receives its
 * length.
 */
static int see_free(struct vq *q, uint32_t *n, struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;
	uint16_t at = t->free_head;

	for (*n = 0; at < t->entries; at = t->next[at], ++*n) {
		if (!entry_see(t, at))
			return area_damaged(q, "the free list is a loop", at, err);
		AREA_STORE(area_of(t)->entry[at].inflight, 0);
	}
	return 0;
}

static int find_heads(struct vq *q, struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;
	const struct packed_entry *e = area_of(t)->entry;
	uint32_t i;

	for (i = 0; i < t->entries; i++) {
		if (t->next[i] != UNSEEN || AREA_LOAD(e[i].inflight) != 1)
			continue;
		if (t->nagain == t->size)
			return area_damaged(q, "more chains than slots", t->nagain,
					    err);
		t->again[t->nagain].counter = AREA_LOAD(e[i].counter);
		t->again[t->nagain++].head = (uint16_t)i;
	}
	vq_priv_track_sort(t);
	return 0;
}

/* The slot as the driver wrote it; more: it is linked to another one. */
static struct vq_priv_copy copy_of(const struct packed_entry *e, bool more)
{
	uint16_t flags = AREA_LOAD(e->flags);
	struct vq_priv_copy d;

	flags = (uint16_t)(more ? flags | RING_DESC_NEXT :
				  flags & ~RING_DESC_NEXT);
	d.addr = VSU_LE64_SWAP_(AREA_LOAD(e->addr));
	d.word = VSU_LE64_SWAP_(ring_word(AREA_LOAD(e->len),
					  AREA_LOAD(e->id), flags));
	return d;
}

/* Reads the entries of one chain, and copies its slots. */
static int see_chain(struct vq *q, struct vq_priv_again *a, uint32_t at,
		     struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;
	const struct packed_entry *e = area_of(t)->entry;
	uint16_t entry = a->head;
	uint32_t i;

	a->at = (uint16_t)at;
	a->num = AREA_LOAD(e[entry].num);
	if (!a->num || a->num > t->size - at)
		return area_damaged(q, "a chain is too long", a->num, err);
	for (i = 0; i < a->num; i++) {
		if (entry >= t->entries || !entry_see(t, entry))
			return area_damaged(q, "a chain has an entry of another chain",
					    entry, err);
		t->copies[at + i] = copy_of(&e[entry], i + 1u < a->num);
		a->last = entry;
		entry = t->next[entry];
	}
	return 0;
}

static int see_chains(struct vq *q, uint32_t *slots, struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;
	uint32_t i, at = 0;
	int rc = 0;

	for (i = 0; i < t->nagain && rc == 0; i++) {
		rc = see_chain(q, &t->again[i], at, err);
		at += t->again[i].num;
	}
	*slots = at;
	return rc;
}

int vq_priv_track_packed_recover(struct vq *q, uint32_t *slots,
				 struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;
	uint32_t i, nfree;
	int rc = vq_priv_track_version(q, AREA_LOAD(area_of(t)->version), err);

	if (rc <= 0)
		return rc;
	for (i = 0; i < t->entries; i++)
		t->next[i] = UNSEEN;
	rc = finish_batch(q, err);
	if (rc == 0)
		rc = see_free(q, &nfree, err);
	if (rc == 0)
		rc = find_heads(q, err);
	if (rc == 0)
		rc = see_chains(q, slots, err);
	if (rc == 0 && nfree + *slots < t->size)
		rc = area_damaged(q, "entries are missing", nfree + *slots, err);
	return rc < 0 ? rc : 1;
}

void vq_priv_track_packed_begin(struct vq *q)
{
	struct vq_priv_track *t = q->track;
	struct packed_area *area = area_of(t);
	uint32_t i;

	for (i = 0; i < t->entries; i++) {
		t->next[i] = (uint16_t)(i + 1);
		AREA_STORE(area->entry[i].next, t->next[i]);
	}
	place_track(t, 0, q->next_used, vq_priv_used_wrap(q));
	AREA_STORE(area->desc_num, (uint16_t)t->entries);
	AREA_COMMIT(area->version, AREA_VERSION);
}

static void move_free(struct vq_priv_track *t, uint16_t free_head)
{
	t->free_head = free_head;
	AREA_STORE(area_of(t)->free_head, free_head);
}

/*
 * Copies a descriptor of the ring. If the driver changes it meanwhile, the copy is a
 * mixture, which is checked as any other descriptor is.
 */
static void entry_fill(struct packed_entry *e, const unsigned char *slot)
{
	struct ring_desc d = ring_load_desc(slot);

	AREA_STORE(e->addr, d.addr);
	AREA_STORE(e->len, d.len);
	AREA_STORE(e->id, packed_desc_id(d));
	AREA_STORE(e->flags, packed_desc_flags(d));
}

void vq_priv_track_packed_taken(struct vq *q, uint16_t id, uint32_t slot,
				uint32_t n)
{
	struct vq_priv_track *t = q->track;
	struct packed_area *area = area_of(t);
	struct vq_priv_kept kept = { t->free_head, t->free_head };
	uint16_t at = t->free_head;
	uint32_t i;

	/* there are as many free entries as slots that are not in flight */
	for (i = 0; i < n; i++) {
		entry_fill(&area->entry[at], q->area[AREA_DESC].hva +
			   (slot + i) % q->size * RING_DESC_SIZE);
		kept.last = at;
		at = t->next[at];
	}
	AREA_STORE(area->entry[kept.first].last, kept.last);
	AREA_STORE(area->entry[kept.first].num, (uint16_t)n);
	AREA_STORE(area->entry[kept.first].counter, t->counter++);
	AREA_STORE(area->entry[kept.first].inflight, 1);
	move_free(t, at);
	AREA_COMMIT(area->old_free_head, at);
	t->kept[id] = kept;
}

/* Links a chain in front of the free list, whose head in the area does not change yet. */
static uint16_t link_free(struct vq_priv_track *t, struct vq_priv_kept kept,
			  uint16_t free_head)
{
	t->next[kept.last] = free_head;
	AREA_STORE(area_of(t)->entry[kept.last].next, free_head);
	return kept.first;
}

void vq_priv_track_packed_untaken(struct vq *q, uint16_t id)
{
	struct vq_priv_track *t = q->track;
	struct packed_area *area = area_of(t);

	move_free(t, link_free(t, t->kept[id], t->free_head));
	AREA_COMMIT(area->old_free_head, t->free_head);
	AREA_STORE(area->entry[t->free_head].inflight, 0);
	t->counter--;
}

void vq_priv_track_packed_retaken(struct vq *q, uint16_t id,
				  const struct vq_priv_again *again)
{
	q->track->kept[id].first = again->head;
	q->track->kept[id].last = again->last;
}

void vq_priv_track_packed_used(struct vq *q, uint16_t id)
{
	q->track->batch[q->track->nbatch++] = q->track->kept[id];
}

void vq_priv_track_packed_publish(struct vq *q)
{
	struct vq_priv_track *t = q->track;
	uint16_t free_head = t->free_head;
	uint32_t i;

	if (!t->nbatch)
		return;
	for (i = 0; i < t->nbatch; i++)
		free_head = link_free(t, t->batch[i], free_head);
	move_free(t, free_head);
	store_used(t, q->next_used, vq_priv_used_wrap(q), false);
}

void vq_priv_track_packed_published(struct vq *q)
{
	struct vq_priv_track *t = q->track;
	struct packed_area *area = area_of(t);

	if (!t->nbatch)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (t->nbatch)
		AREA_STORE(area->entry[t->batch[--t->nbatch].first].inflight,
			   0);
	AREA_COMMIT(area->old_free_head, t->free_head);
	store_used(t, q->next_used, vq_priv_used_wrap(q), true);
}
