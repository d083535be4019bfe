/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A set of pages of guest memory. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/page_set.h"

#define BITS 64u

static int add_span(struct vmm_page_set *set, const struct vmem_region *r,
		    struct vsu_error *err)
{
	struct vmm_page_span *span = &set->span[set->n];

	span->region = r;
	span->gpa = vmem_region_gpa(r);
	span->len = vmem_region_len(r);
	span->hva = vmem_region_hva(r);
	span->npages = (span->len - 1) / VMM_SET_PAGE + 1;
	span->words = calloc(span->npages / BITS + 1, sizeof(*span->words));
	if (!span->words)
		return vsu_error_set(err, -ENOMEM, "no memory for the list of pages");
	set->n++;
	vmm_page_set_add(set, span->gpa, span->len);
	return 0;
}

int vmm_page_set_init(struct vmm_page_set *set, const struct vmm_memory *memory,
		      const struct vmem_map *map, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	memset(set, 0, sizeof(*set));
	for (i = 0; !rc && i < vmem_map_count(map); i++)
		if (vmm_memory_has(memory, vmem_map_region(map, i)) &&
		    set->n < VMM_LAYOUT_MAX)
			rc = add_span(set, vmem_map_region(map, i), err);
	return rc;
}

void vmm_page_set_free(struct vmm_page_set *set)
{
	while (set->n > 0)
		free(set->span[--set->n].words);
	set->npages = 0;
}

static struct vmm_page_span *find_span(struct vmm_page_set *set, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (gpa - set->span[i].gpa < set->span[i].len)
			return &set->span[i];
	return NULL;
}

static bool has_page(const struct vmm_page_span *span, uint64_t page)
{
	return span->words[page / BITS] >> page % BITS & 1;
}

static void add_page(struct vmm_page_set *set, uint64_t gpa)
{
	struct vmm_page_span *span = find_span(set, gpa);
	uint64_t page;

	if (!span)
		return;
	page = (gpa - span->gpa) / VMM_SET_PAGE;
	set->npages += !has_page(span, page);
	span->words[page / BITS] |= UINT64_C(1) << page % BITS;
}

void vmm_page_set_add(struct vmm_page_set *set, uint64_t gpa, uint64_t len)
{
	uint64_t at;

	for (at = 0; at < len; at += VMM_SET_PAGE)
		add_page(set, gpa + at);
}

/* -------------------------------------------------------------------- harvest */

static void on_logged(void *opaque, uint64_t gpa, const uint64_t *words,
		      uint64_t npages)
{
	struct vmm_page_set *set = opaque;
	uint64_t page;

	for (page = 0; page < npages; page++) {
		if (!words[page / BITS])
			page |= BITS - 1;
		else if (words[page / BITS] >> page % BITS & 1)
			add_page(set, gpa + page * VMM_SET_PAGE);
	}
}

static void on_marked(void *opaque, uint64_t gpa, uint64_t len)
{
	vmm_page_set_add(opaque, gpa, len);
}

int vmm_page_set_harvest(struct vmm_page_set *set,
			 const struct vmm_slots *slots, struct vmem_map *map,
			 struct vsu_error *err)
{
	vmem_map_harvest(map, on_marked, set);
	return vmm_slots_harvest(slots, on_logged, set, err);
}

/* ----------------------------------------------------------------------- runs */

/* The first page of the span from page on; npages: none. */
static uint64_t find_page(const struct vmm_page_span *span, uint64_t page)
{
	while (page < span->npages && !has_page(span, page))
		page = span->words[page / BITS] >> page % BITS ? page + 1 :
		       (page / BITS + 1) * BITS;
	return page < span->npages ? page : span->npages;
}

void vmm_page_set_remove(struct vmm_page_set *set,
			 const struct vmm_page_run *run)
{
	const uint64_t first = run->offset / VMM_SET_PAGE;
	uint64_t page;

	for (page = first; page * VMM_SET_PAGE < run->offset + run->len; page++) {
		set->npages -= has_page(run->span, page);
		run->span->words[page / BITS] &= ~(UINT64_C(1) << page % BITS);
	}
}

static void remove_run(struct vmm_page_set *set,
		       const struct vmm_page_span *span, uint64_t first,
		       uint64_t max, struct vmm_page_run *run)
{
	uint64_t end = first;

	while (end < span->npages && (end - first) * VMM_SET_PAGE < max &&
	       has_page(span, end))
		end++;
	run->span = span;
	run->offset = first * VMM_SET_PAGE;
	run->len = end < span->npages ? (end - first) * VMM_SET_PAGE :
					span->len - run->offset;
	vmm_page_set_remove(set, run);
}

/* The cursor counts the pages of all spans, one behind the other. */
bool vmm_page_set_next(struct vmm_page_set *set, uint64_t *cursor, uint64_t max,
		       struct vmm_page_run *run)
{
	uint64_t before = 0, page;
	unsigned int i;

	for (i = 0; i < set->n; before += set->span[i++].npages) {
		if (*cursor >= before + set->span[i].npages)
			continue;
		page = find_page(&set->span[i],
				 *cursor > before ? *cursor - before : 0);
		if (page == set->span[i].npages)
			continue;
		remove_run(set, &set->span[i], page, max, run);
		*cursor = before + page +
			  (run->len + VMM_SET_PAGE - 1) / VMM_SET_PAGE;
		return true;
	}
	return false;
}
