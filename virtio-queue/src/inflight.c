/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The in-flight area of a split ring, in the layout of vhost-user's back-ends
 * and in host byte order.
 *
 * Taken: counter, then the flag. Used: linked into the batch, and when the
 * used index was published, the flags of the batch are cleared and the index
 * is noted. A crash in between shows as a used index that differs from the
 * noted one: then the batch was published, and recovery clears its flags.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "vq.h"

#define AREA_VERSION 1

struct split_entry {
	uint8_t inflight;
	uint8_t pad[5];
	uint16_t next;			/* along the last batch */
	uint64_t counter;		/* order of taking */
};

struct split_area {
	uint64_t features;		/* 0 */
	uint16_t version;		/* 0: never used */
	uint16_t desc_num;		/* entries */
	uint16_t last_batch_head;
	uint16_t used_idx;
	struct split_entry entry[];
};

static_assert(sizeof(struct split_entry) == 16, "an entry is 16 bytes");
static_assert(offsetof(struct split_entry, counter) == 8, "counter is at 8");
static_assert(sizeof(struct split_area) == 16, "the header is 16 bytes");

/* A chain that is to be taken again. */
struct again {
	uint64_t counter;
	uint16_t head;
};

struct vq_priv_track {
	struct split_area *area;
	uint32_t entries;
	uint64_t counter;
	uint32_t size;			/* of the arrays: the ring's */
	uint16_t *batch;		/* used, not yet published */
	uint32_t nbatch;
	struct again *again;
	uint32_t nagain, next_again;
};

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define STORE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

uint64_t vq_inflight_size(uint32_t entries, uint64_t features)
{
	uint64_t len = sizeof(struct split_area) +
		       (uint64_t)entries * sizeof(struct split_entry);

	if (features & VQ_F_RING_PACKED)
		return 0;
	return (len + 63) & ~(uint64_t)63;
}

static void track_free(struct vq_priv_track *track)
{
	if (!track)
		return;
	free(track->batch);
	free(track->again);
	free(track);
}

int vq_set_inflight(struct vq *q, void *area, uint32_t entries)
{
	struct vq_priv_track *track = NULL;

	if (q->enabled)
		return -EBUSY;
	if ((uintptr_t)area % 8)
		return -EINVAL;
	if (area) {
		track = calloc(1, sizeof(*track));
		if (!track)
			return -ENOMEM;
		track->area = area;
		track->entries = entries;
	}
	track_free(q->track);
	q->track = track;
	return 0;
}

int vq_priv_track_prepare(struct vq *q, struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;

	if (!t)
		return 0;
	if (!q->format->start_tracked)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "ring %" PRIu32 ": no in-flight tracking of packed rings",
				     q->index);
	if (t->entries < q->size)
		return vsu_error_set(err, -EINVAL, "ring %" PRIu32
				     ": the in-flight area has %" PRIu32
				     " entries, and the ring %" PRIu32,
				     q->index, t->entries, q->size);
	if (t->size != q->size) {
		free(t->batch);
		free(t->again);
		t->size = 0;
		t->batch = calloc(q->size, sizeof(*t->batch));
		t->again = calloc(q->size, sizeof(*t->again));
		if (!t->batch || !t->again)
			return vsu_error_set(err, -ENOMEM, "ring %" PRIu32
					     ": no memory for %" PRIu32
					     " entries", q->index, q->size);
		t->size = q->size;
	}
	t->nbatch = t->nagain = t->next_again = 0;
	return 0;
}

/* The last batch was published, and then the owner died. */
static void finish_batch(struct vq_priv_track *t, uint16_t used)
{
	uint32_t n = (uint16_t)(used - LOAD(t->area->used_idx));
	uint16_t head = LOAD(t->area->last_batch_head);

	for (; n && n <= t->size && head < t->entries; n--) {
		STORE(t->area->entry[head].inflight, 0);
		head = LOAD(t->area->entry[head].next);
	}
	STORE(t->area->used_idx, used);
}

/* Counters wrap in theory; their distances do not. */
static int by_counter(const void *a, const void *b)
{
	const struct again *x = a, *y = b;
	int64_t d = (int64_t)(x->counter - y->counter);

	return (d > 0) - (d < 0);
}

static void collect(struct vq_priv_track *t)
{
	uint32_t i;

	for (i = 0; i < t->size; i++) {
		if (LOAD(t->area->entry[i].inflight) != 1)
			continue;
		t->again[t->nagain].counter = LOAD(t->area->entry[i].counter);
		t->again[t->nagain++].head = (uint16_t)i;
	}
	qsort(t->again, t->nagain, sizeof(t->again[0]), by_counter);
	t->counter = t->nagain ? t->again[t->nagain - 1].counter + 1 : 0;
}

int vq_priv_track_recover(struct vq *q, uint16_t used, uint32_t *taken,
			  struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;
	uint16_t version = LOAD(t->area->version);

	if (version > AREA_VERSION)
		return vsu_error_set(err, -EINVAL, "ring %" PRIu32
				     ": the in-flight area has version %u, and %u is known",
				     q->index, version, AREA_VERSION);
	if (version) {
		finish_batch(t, used);
		collect(t);
	} else {
		STORE(t->area->desc_num, (uint16_t)t->entries);
		STORE(t->area->used_idx, used);
		__atomic_store_n(&t->area->version, AREA_VERSION,
				 __ATOMIC_RELEASE);
	}
	*taken = t->nagain;
	return 0;
}

bool vq_priv_track_again(const struct vq *q, uint16_t *head)
{
	const struct vq_priv_track *t = q->track;

	if (t->next_again == t->nagain)
		return false;
	*head = t->again[t->next_again].head;
	return true;
}

void vq_priv_track_took_again(struct vq *q)
{
	q->track->next_again++;
}

void vq_priv_track_give_again(struct vq *q)
{
	q->track->next_again--;
}

void vq_priv_track_taken(struct vq *q, uint16_t head)
{
	struct split_entry *e = &q->track->area->entry[head];

	STORE(e->counter, q->track->counter++);
	__atomic_store_n(&e->inflight, 1, __ATOMIC_RELEASE);
}

void vq_priv_track_untaken(struct vq *q, uint16_t head)
{
	STORE(q->track->area->entry[head].inflight, 0);
}

void vq_priv_track_used(struct vq *q, uint16_t head)
{
	struct vq_priv_track *t = q->track;

	/* a driver that offers what was used and not published is hostile */
	if (t->nbatch == t->size)
		return;
	STORE(t->area->entry[head].next, LOAD(t->area->last_batch_head));
	__atomic_store_n(&t->area->last_batch_head, head, __ATOMIC_RELEASE);
	t->batch[t->nbatch++] = head;
}

void vq_priv_track_published(struct vq *q, uint16_t used)
{
	struct vq_priv_track *t = q->track;

	if (!t->nbatch)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (t->nbatch)
		STORE(t->area->entry[t->batch[--t->nbatch]].inflight, 0);
	__atomic_store_n(&t->area->used_idx, used, __ATOMIC_RELEASE);
}
