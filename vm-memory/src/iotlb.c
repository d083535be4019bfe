/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The IOTLB: a sorted array of intervals that do not overlap, and maps of its entries. A
 * change is built in a second array, which replaces the first one if it fits; otherwise
 * nothing changes.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/iotlb.h>
#include <vmm-sys-util/checked.h>

#include "priv.h"

struct interval {
	uint64_t first, last;	/* I/O virtual addresses, inclusive */
	uint64_t gpa;		/* guest address of first */
	uint32_t perm;
};

struct vmem_iotlb {
	unsigned int max, n;
	struct interval *now;
	struct interval *next;	/* the second array, with room for max + 2: a change can split
				   one interval */
};

int vmem_iotlb_new(unsigned int max_entries, struct vmem_iotlb **out)
{
	struct vmem_iotlb *t = calloc(1, sizeof(*t));
	size_t room = (size_t)max_entries + 2;

	if (!t)
		return -ENOMEM;
	t->max = max_entries;
	t->now = calloc(room, sizeof(*t->now));
	t->next = calloc(room, sizeof(*t->next));
	if (!t->now || !t->next) {
		vmem_iotlb_free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void vmem_iotlb_free(struct vmem_iotlb *iotlb)
{
	if (!iotlb)
		return;
	free(iotlb->now);
	free(iotlb->next);
	free(iotlb);
}

/*
 * Do not merge intervals if the guest address would wrap to 0, or if the length
 * would be 2^64, which does not fit.
 */
static bool interval_continues(const struct interval *a, const struct interval *b)
{
	return a->last + 1 == b->first && a->perm == b->perm &&
	       b->first - a->first == b->gpa - a->gpa && a->gpa < b->gpa &&
	       b->last - a->first != UINT64_MAX;
}

/* Appends an interval, or merges it with the last one. Returns the new count. */
static unsigned int interval_append(struct interval *to, unsigned int n,
				    const struct interval *i)
{
	if (n && interval_continues(&to[n - 1], i)) {
		to[n - 1].last = i->last;
		return n;
	}
	to[n] = *i;
	return n + 1;
}

/* The parts of interval i before first and after last. */
static bool head_of(const struct interval *i, uint64_t first,
		    struct interval *out)
{
	*out = *i;
	if (out->last >= first)
		out->last = first - 1;
	return i->first < first;
}

static bool tail_of(const struct interval *i, uint64_t last,
		    struct interval *out)
{
	*out = *i;
	if (out->first <= last) {
		out->gpa += last + 1 - out->first;
		out->first = last + 1;
	}
	return i->last > last;
}

/*
 * Builds in t->next the intervals of t->now without [first, last] and, unless in is NULL,
 * with in. Returns their number, which fits the array.
 */
static unsigned int intervals_build(struct vmem_iotlb *t, uint64_t first, uint64_t last,
				    const struct interval *in)
{
	struct interval piece;
	unsigned int i, n = 0;

	for (i = 0; i < t->n && t->now[i].first < first; i++)
		if (head_of(&t->now[i], first, &piece))
			n = interval_append(t->next, n, &piece);
	if (in)
		n = interval_append(t->next, n, in);
	for (i = 0; i < t->n; i++)
		if (tail_of(&t->now[i], last, &piece))
			n = interval_append(t->next, n, &piece);
	return n;
}

static void intervals_commit(struct vmem_iotlb *t, unsigned int n)
{
	struct interval *former = t->now;

	t->now = t->next;
	t->next = former;
	t->n = n;
}

static int check_entry(const struct vmem_iotlb_entry *e, struct vsu_error *err)
{
	uint64_t last;

	if (!e->len)
		return vsu_error_set(err, -EINVAL, "an IOTLB entry of length 0 at %#" PRIx64,
			      e->iova);
	if (vsu_u64_add_overflow(e->iova, e->len - 1, &last) ||
	    vsu_u64_add_overflow(e->gpa, e->len - 1, &last))
		return vsu_error_set(err, -EINVAL, "an IOTLB entry of %#" PRIx64
				     " bytes at %#" PRIx64 ", guest address %#"
				     PRIx64 ", wraps", e->len, e->iova, e->gpa);
	if (!e->perm || (e->perm & ~(VMEM_READ | VMEM_WRITE)))
		return vsu_error_set(err, -EINVAL, "IOTLB permissions %#x",
				     e->perm);
	return 0;
}

int vmem_iotlb_set(struct vmem_iotlb *iotlb,
		   const struct vmem_iotlb_entry *entry, struct vsu_error *err)
{
	struct interval in;
	unsigned int n;
	int rc = check_entry(entry, err);

	if (rc < 0)
		return rc;
	in.first = entry->iova;
	in.last = entry->iova + (entry->len - 1);
	in.gpa = entry->gpa;
	in.perm = entry->perm;
	n = intervals_build(iotlb, in.first, in.last, &in);
	if (n > iotlb->max)
		return vsu_error_set(err, -ENOSPC, "more than %u IOTLB entries",
				     iotlb->max);
	intervals_commit(iotlb, n);
	return 0;
}

/* Widens the bounds to the interval that contains all of [*first, *last]. */
static void bounds_widen(const struct vmem_iotlb *t, uint64_t *first, uint64_t *last)
{
	const struct interval *i = t->now;

	while (i->last < *first)
		i++;
	*first = i->first;
	*last = i->last;
}

int vmem_iotlb_invalidate(struct vmem_iotlb *iotlb, uint64_t iova, uint64_t len)
{
	uint64_t first = iova, last;
	unsigned int n;

	if (!len)
		return 0;
	if (vsu_u64_add_overflow(iova, len - 1, &last))
		return -EINVAL;
	n = intervals_build(iotlb, first, last, NULL);
	if (n <= iotlb->max) {
		intervals_commit(iotlb, n);
		return 0;
	}
	/* Only a split increases the number, so one interval contains the range. */
	bounds_widen(iotlb, &first, &last);
	intervals_commit(iotlb, intervals_build(iotlb, first, last, NULL));
	return -ENOSPC;
}

void vmem_iotlb_invalidate_all(struct vmem_iotlb *iotlb)
{
	iotlb->n = 0;
}

unsigned int vmem_iotlb_count(const struct vmem_iotlb *iotlb)
{
	return iotlb->n;
}

bool vmem_iotlb_entry_at(const struct vmem_iotlb *iotlb, unsigned int index,
			 struct vmem_iotlb_entry *out)
{
	const struct interval *i = &iotlb->now[index];

	if (index >= iotlb->n)
		return false;
	out->iova = i->first;
	out->len = i->last - i->first + 1;
	out->gpa = i->gpa;
	out->perm = i->perm;
	out->pad = 0;
	return true;
}

/* The first range that does not end before gpa, or the end. */
static const struct vmem_range *range_from(const struct vmem_view *memory,
					   uint64_t gpa)
{
	const struct vmem_range *low = memory->ranges, *mid;
	const struct vmem_range *high = low + memory->n;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (mid->first + mid->span < gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Stores the pieces of one interval in the ranges of guest memory; to NULL: only counts them. */
static size_t interval_pieces(const struct interval *i, const struct vmem_view *memory,
			      struct vmem_range *to)
{
	const struct vmem_range *r = range_from(memory, i->gpa);
	const struct vmem_range *end = memory->ranges + memory->n;
	uint64_t gpa_last = i->gpa + (i->last - i->first), from, until;
	size_t n = 0;

	for (; r < end && r->first <= gpa_last; r++) {
		from = r->first > i->gpa ? r->first : i->gpa;
		until = r->first + r->span < gpa_last ? r->first + r->span :
							gpa_last;
		if (to) {
			to[n].first = i->first + (from - i->gpa);
			to[n].span = until - from;
			to[n].hva = r->hva + (from - r->first);
			to[n].dirty = r->dirty;
			to[n].flags = r->flags & i->perm;
		}
		n++;
	}
	return n;
}

int vmem_iotlb_map(const struct vmem_iotlb *iotlb, struct vmem_map *memory,
		   struct vmem_map **out, struct vsu_error *err)
{
	const struct vmem_view *view = vmem_map_view(memory);
	struct vmem_range *ranges;
	struct vmem_map *map;
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < iotlb->n; i++)
		n += interval_pieces(&iotlb->now[i], view, NULL);
	map = vmem_priv_map_over(memory, n, &ranges);
	if (!map)
		return vsu_error_set(err, -ENOMEM, "no memory for an IOTLB map of %zu ranges", n);
	for (i = 0, n = 0; i < iotlb->n; i++)
		n += interval_pieces(&iotlb->now[i], view, ranges + n);
	vmem_priv_map_seal(map);
	*out = map;
	return 0;
}
