/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A bounded set of guest addresses. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/gpa_set.h>

/* Index of the first range that ends at gpa or behind it. */
static unsigned int index_of(const struct vmem_gpa_set *r, uint64_t gpa)
{
	unsigned int low = 0, high = r->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (r->at[mid].gpa + r->at[mid].len < gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * Replaces the ranges from index first on that overlap or touch [gpa, end): by one that
 * covers them all, or by what is left of them on both sides.
 */
static unsigned int ranges_replacing(const struct vmem_gpa_set *r,
				     unsigned int first, unsigned int last,
				     struct vmem_gpa_range range, bool in,
				     struct vmem_gpa_range out[2])
{
	uint64_t low = range.gpa, end = range.gpa + range.len, high = end;
	unsigned int n = 0;

	if (first < last && r->at[first].gpa < low)
		low = r->at[first].gpa;
	if (first < last && r->at[last - 1].gpa + r->at[last - 1].len > high)
		high = r->at[last - 1].gpa + r->at[last - 1].len;
	if (in) {
		out[n++] = (struct vmem_gpa_range){ low, high - low };
		return n;
	}
	if (low < range.gpa)
		out[n++] = (struct vmem_gpa_range){ low, range.gpa - low };
	if (high > end)
		out[n++] = (struct vmem_gpa_range){ end, high - end };
	return n;
}

/* The whole array exists from the first range on, so that removal does not fail. */
static int make_room(struct vmem_gpa_set *r)
{
	if (!r->at)
		r->at = calloc(VMEM_GPA_SET_MAX, sizeof(*r->at));
	return r->at ? 0 : -ENOMEM;
}

int vmem_gpa_set_change(struct vmem_gpa_set *r, uint64_t gpa,
			   uint64_t len, bool in)
{
	const unsigned int first = index_of(r, gpa);
	struct vmem_gpa_range with[2];
	unsigned int last = first, n;

	while (last < r->n && r->at[last].gpa <= gpa + len)
		last++;
	n = ranges_replacing(r, first, last, (struct vmem_gpa_range){ gpa, len },
			     in, with);
	if (r->n - (last - first) + n > VMEM_GPA_SET_MAX)
		return -E2BIG;
	if (make_room(r) < 0)
		return -ENOMEM;
	memmove(&r->at[first + n], &r->at[last], (r->n - last) * sizeof(*r->at));
	memcpy(&r->at[first], with, n * sizeof(*with));
	r->n = r->n - (last - first) + n;
	return 0;
}

int vmem_gpa_set_copy(struct vmem_gpa_set *r,
			    const struct vmem_gpa_set *from)
{
	if (make_room(r) < 0)
		return -ENOMEM;
	if (from->n)
		memcpy(r->at, from->at, from->n * sizeof(*r->at));
	r->n = from->n;
	return 0;
}

uint64_t vmem_gpa_set_count(const struct vmem_gpa_set *r,
				  uint64_t gpa, uint64_t len)
{
	uint64_t sum = 0, from, end;
	unsigned int i;

	for (i = index_of(r, gpa); i < r->n && r->at[i].gpa < gpa + len; i++) {
		from = r->at[i].gpa > gpa ? r->at[i].gpa : gpa;
		end = r->at[i].gpa + r->at[i].len;
		end = end < gpa + len ? end : gpa + len;
		sum += end > from ? end - from : 0;
	}
	return sum;
}

const struct vmem_gpa_range *vmem_gpa_set_find(
		const struct vmem_gpa_set *r, uint64_t gpa)
{
	unsigned int i = index_of(r, gpa);

	if (i < r->n && r->at[i].gpa + r->at[i].len == gpa)
		i++;
	return i < r->n && r->at[i].gpa <= gpa ? &r->at[i] : NULL;
}

void vmem_gpa_set_free(struct vmem_gpa_set *r)
{
	free(r->at);
	*r = (struct vmem_gpa_set){ 0 };
}
