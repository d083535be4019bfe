/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* In-flight tracking: the part that does not depend on the ring format. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "inflight.h"

static void free_arrays(struct vq_priv_track *t)
{
	free(t->batch);
	free(t->again);
	free(t->kept);
	free(t->copies);
	free(t->next);
	t->batch = t->kept = NULL;
	t->again = NULL;
	t->copies = NULL;
	t->next = NULL;
	t->size = 0;
}

void vq_priv_track_free(struct vq_priv_track *t)
{
	if (!t)
		return;
	free_arrays(t);
	free(t);
}

int vq_set_inflight(struct vq *q, void *area, uint32_t entries)
{
	struct vq_priv_track *track = NULL;

	if (q->mode.enabled)
		return -EBUSY;
	if ((uintptr_t)area % 8 || entries > VQ_MAX_SIZE)
		return -EINVAL;
	if (area) {
		track = calloc(1, sizeof(*track));
		if (!track)
			return -ENOMEM;
		track->area = area;
		track->entries = entries;
	}
	vq_priv_track_free(q->track);
	q->track = track;
	return 0;
}

/*
 * Allocates the arrays for both formats, because the format may change while the queue is
 * disabled.
 */
static bool make_arrays(struct vq_priv_track *t, uint32_t size)
{
	free_arrays(t);
	t->batch = calloc(size, sizeof(*t->batch));
	t->again = calloc(size, sizeof(*t->again));
	t->kept = calloc(size, sizeof(*t->kept));
	t->copies = calloc(size, sizeof(*t->copies));
	t->next = calloc(t->entries, sizeof(*t->next));
	if (!t->batch || !t->again || !t->kept || !t->copies || !t->next)
		return false;
	t->size = size;
	return true;
}

int vq_priv_track_prepare(struct vq *q, struct vsu_error *err)
{
	struct vq_priv_track *t = q->track;

	if (!t)
		return 0;
	if (t->entries < q->size)
		return vsu_error_set(err, -EINVAL, "ring %" PRIu32
				     ": the in-flight area has %" PRIu32
				     " entries, and the ring %" PRIu32,
				     q->index, t->entries, q->size);
	if (t->size != q->size && !make_arrays(t, q->size))
		return vsu_error_set(err, -ENOMEM, "ring %" PRIu32
				     ": no memory for %" PRIu32 " entries",
				     q->index, q->size);
	t->nbatch = t->nagain = t->next_again = 0;
	t->counter = 0;
	return 0;
}

int vq_priv_track_version(const struct vq *q, uint16_t version,
			  struct vsu_error *err)
{
	if (version > AREA_VERSION)
		return vsu_error_set(err, -EBADMSG, "ring %" PRIu32
				     ": the in-flight area has version %u; supported is %u",
				     q->index, version, AREA_VERSION);
	return version;
}

/* Counters wrap in theory; their distances do not. */
static int by_counter(const void *a, const void *b)
{
	const struct vq_priv_again *x = a, *y = b;
	int64_t d = (int64_t)(x->counter - y->counter);

	return (d > 0) - (d < 0);
}

void vq_priv_track_sort(struct vq_priv_track *t)
{
	qsort(t->again, t->nagain, sizeof(t->again[0]), by_counter);
	t->counter = t->nagain ? t->again[t->nagain - 1].counter + 1 : 0;
}
