/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Record locks of one owner, merged and split as the kernel does. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fs/record_locks.h"

static bool records_overlap(const struct fs_record_lock *a, const struct fs_record_lock *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static bool records_touch(const struct fs_record_lock *a, const struct fs_record_lock *b)
{
	return records_overlap(a, b) || a->last + 1 == b->first || b->last + 1 == a->first;
}

static void record_join(struct fs_record_lock *to, const struct fs_record_lock *r)
{
	if (r->first < to->first)
		to->first = r->first;
	if (r->last > to->last)
		to->last = r->last;
}

static void record_add(struct fs_record_locks *out, uint64_t first, uint64_t last, uint32_t type)
{
	out->list[out->n++] = (struct fs_record_lock){ first, last, type };
}

/* Adds the parts of r outside the changed range. */
static void add_rest(struct fs_record_locks *out, const struct fs_record_lock *r,
		     const struct fs_record_lock *change)
{
	if (r->first < change->first)
		record_add(out, r->first, change->first - 1, r->type);
	if (r->last > change->last)
		record_add(out, change->last + 1, r->last, r->type);
}

int virtdev_priv_fs_record_locks_after(const struct fs_record_locks *now,
				       const struct fs_record_lock *change,
				       struct fs_record_locks *out)
{
	struct fs_record_lock whole = *change;
	uint32_t i;

	*out = (struct fs_record_locks){ .n = 0 };
	/* a change splits at most one lock, and adds itself */
	out->list = malloc((now->n + 2) * sizeof(*out->list));
	if (!out->list)
		return -ENOMEM;
	for (i = 0; i < now->n; i++) {
		if (now->list[i].type == change->type && records_touch(&now->list[i], change))
			record_join(&whole, &now->list[i]);
		else if (records_overlap(&now->list[i], change))
			add_rest(out, &now->list[i], change);
		else
			out->list[out->n++] = now->list[i];
	}
	if (change->type != F_UNLCK)
		record_add(out, whole.first, whole.last, whole.type);
	if (out->n <= FS_MAX_OWNER_RECORD_LOCKS || out->n <= now->n)
		return 0;
	free(out->list);
	*out = (struct fs_record_locks){ .n = 0 };
	return -ENOLCK;
}
