/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The in-flight area of a split ring, in the layout of vhost-user's back-ends and in host
 * byte order.
 *
 *   pop      store the counter, then set the flag of the entry
 *   push     link the entries of a batch; publish the used index; clear the flags of the
 *            batch; record the used index
 *
 * After a crash between the last steps, the used index differs from the recorded one. Then
 * the batch was published, and recovery clears its flags.
 */
#include <config.h>

#include <assert.h>
#include <stddef.h>

#include "inflight.h"

struct split_entry {
	uint8_t inflight;
	uint8_t pad[5];
	uint16_t next;			/* link of the last batch */
	uint64_t counter;		/* order in which chains were popped */
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

uint64_t vq_priv_track_split_size(uint32_t entries)
{
	return sizeof(struct split_area) +
	       (uint64_t)entries * sizeof(struct split_entry);
}

static struct split_area *area_of(const struct vq_priv_track *t)
{
	return t->area;
}

/* Completes the last batch if it was published and the process ended before it was recorded. */
static void finish_batch(struct vq_priv_track *t, uint16_t used)
{
	struct split_area *area = area_of(t);
	uint32_t n = (uint16_t)(used - AREA_LOAD(area->used_idx));
	uint16_t head = AREA_LOAD(area->last_batch_head);

	for (; n && n <= t->size && head < t->entries; n--) {
		AREA_STORE(area->entry[head].inflight, 0);
		head = AREA_LOAD(area->entry[head].next);
	}
	AREA_COMMIT(area->used_idx, used);
}

static void heads_collect(struct vq_priv_track *t)
{
	const struct split_entry *e = area_of(t)->entry;
	uint32_t i;

	for (i = 0; i < t->size; i++) {
		if (AREA_LOAD(e[i].inflight) != 1)
			continue;
		t->again[t->nagain].counter = AREA_LOAD(e[i].counter);
		t->again[t->nagain++].head = (uint16_t)i;
	}
	vq_priv_track_sort(t);
}

int vq_priv_track_split_recover(struct vq *q, uint16_t used, uint32_t *taken,
				struct vsu_error *err)
{
	struct split_area *area = area_of(q->track);
	int rc = vq_priv_track_version(q, AREA_LOAD(area->version), err);

	if (rc < 0)
		return rc;
	if (rc > 0) {
		finish_batch(q->track, used);
		heads_collect(q->track);
	} else {
		AREA_STORE(area->desc_num, (uint16_t)q->track->entries);
		AREA_STORE(area->used_idx, used);
		AREA_COMMIT(area->version, AREA_VERSION);
	}
	*taken = q->track->nagain;
	return 0;
}

void vq_priv_track_split_taken(struct vq *q, uint16_t head)
{
	struct split_entry *e = &area_of(q->track)->entry[head];

	AREA_STORE(e->counter, q->track->counter++);
	AREA_COMMIT(e->inflight, 1);
}

void vq_priv_track_split_untaken(struct vq *q, uint16_t head)
{
	AREA_STORE(area_of(q->track)->entry[head].inflight, 0);
}

void vq_priv_track_split_used(struct vq *q, uint16_t head)
{
	struct vq_priv_track *t = q->track;
	struct split_area *area = area_of(t);

	/* Only a hostile driver makes an entry available that was used and not published. */
	if (t->nbatch == t->size)
		return;
	AREA_STORE(area->entry[head].next, AREA_LOAD(area->last_batch_head));
	AREA_COMMIT(area->last_batch_head, head);
	t->batch[t->nbatch++].first = head;
}

void vq_priv_track_split_published(struct vq *q)
{
	struct vq_priv_track *t = q->track;
	struct split_area *area = area_of(t);

	if (!t->nbatch)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (t->nbatch)
		AREA_STORE(area->entry[t->batch[--t->nbatch].first].inflight,
			   0);
	AREA_COMMIT(area->used_idx, q->next_used);
}
