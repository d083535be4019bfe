/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Record locks of one owner, joined and split as the kernel does. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fs/records.h"

static bool records_overlap(const struct fs_record *a, const struct fs_record *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static bool records_touch(const struct fs_record *a, const struct fs_record *b)
{
	return records_overlap(a, b) || a->last + 1 == b->first || b->last + 1 == a->first;
}

static void record_join(struct fs_record *to, const struct fs_record *r)
{
	if (r->first < to->first)
		to->first = r->first;
	if (r->last > to->last)
		to->last = r->last;
}

static void record_add(struct fs_records *out, uint64_t first, uint64_t last, uint32_t type)
{
	out->list[out->n++] = (struct fs_record){ first, last, type };
}

/* The parts of r that a change of another type leaves. */
static void add_rest(struct fs_records *out, const struct fs_record *r,
		     const struct fs_record *change)
{
	if (r->first < change->first)
		record_add(out, r->first, change->first - 1, r->type);
	if (r->last > change->last)
		record_add(out, change->last + 1, r->last, r->type);
}

int virtdev_priv_fs_records_after(const struct fs_records *now,
				  const struct fs_record *change,
				  struct fs_records *out)
{
	struct fs_record whole = *change;
	uint32_t i;

	*out = (struct fs_records){ .n = 0 };
	/* a change splits one record at most, and is one itself */
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
	if (out->n <= FS_OWNER_RECORDS || out->n <= now->n)
		return 0;
	free(out->list);
	*out = (struct fs_records){ .n = 0 };
	return -ENOLCK;
}
