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

/* ROM never changes, and the destination has it as well (vmm_pages_send_rom()). */
static bool is_sent(const struct vmm_memory *memory,
		    const struct vmm_windows *windows, uint64_t without,
		    const struct vmem_region *r)
{
	const int piece = vmm_memory_piece(memory, r);
	const struct vmm_window *w = windows ? vmm_window_of(windows, r) : NULL;

	if (vmem_block_flags(vmem_region_block(r)) & VMEM_BLOCK_ROM)
		return false;
	return piece >= 0 ? !(without >> piece & 1) : w && w->plugged;
}

int vmm_page_set_init(struct vmm_page_set *set, const struct vmm_memory *memory,
		      const struct vmm_windows *windows, uint64_t without,
		      const struct vmem_map *map, struct vsu_error *err)
{
	const unsigned int n = vmem_map_count(map);
	unsigned int i;
	int rc = 0;

	memset(set, 0, sizeof(*set));
	set->span = calloc(n + 1, sizeof(*set->span));
	if (!set->span)
		return vsu_error_set(err, -ENOMEM, "no memory for the list of pages");
	for (i = 0; !rc && i < n; i++)
		if (is_sent(memory, windows, without, vmem_map_region(map, i)))
			rc = add_span(set, vmem_map_region(map, i), err);
	return rc;
}

void vmm_page_set_free(struct vmm_page_set *set)
{
	while (set->n > 0)
		free(set->span[--set->n].words);
	free(set->span);
	set->span = NULL;
	set->npages = 0;
}

const struct vmm_page_span *vmm_page_set_find(const struct vmm_page_set *set,
					      uint64_t gpa)
{
	unsigned int low = 0, high = set->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (gpa < set->span[mid].gpa)
			high = mid;
		else if (gpa - set->span[mid].gpa >= set->span[mid].len)
			low = mid + 1;
		else
			return &set->span[mid];
	}
	return NULL;
}

static bool has_page(const struct vmm_page_span *span, uint64_t page)
{
	return span->words[page / BITS] >> page % BITS & 1;
}

static void add_page(struct vmm_page_set *set, uint64_t gpa)
{
	const struct vmm_page_span *span = vmm_page_set_find(set, gpa);
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

void vmm_page_set_clear(struct vmm_page_set *set)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		memset(set->span[i].words, 0,
		       (set->span[i].npages / BITS + 1) * sizeof(*set->span[i].words));
	set->npages = 0;
}

bool vmm_page_set_has(const struct vmm_page_set *set, uint64_t gpa)
{
	const struct vmm_page_span *span = vmm_page_set_find(set, gpa);

	return span && has_page(span, (gpa - span->gpa) / VMM_SET_PAGE);
}

uint64_t vmm_page_set_position(const struct vmm_page_set *set,
			       const struct vmm_page_span *span, uint64_t offset)
{
	const struct vmm_page_span *before = set->span;
	uint64_t page = offset / VMM_SET_PAGE;

	for (; before < span; before++)
		page += before->npages;
	return page;
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
			 struct varch_slots *slots, struct vmem_map *map,
			 struct vsu_error *err)
{
	vmem_map_harvest(map, on_marked, set);
	return varch_slots_harvest(slots, on_logged, set, err);
}

/* Bits of other pages are not expected, and ignored. */
void vmm_page_set_add_log(struct vmm_page_set *set,
			  const struct vhost_dirty_log *log)
{
	unsigned int i;

	for (i = 0; log->words && i < set->n; i++)
		vhost_dirty_log_harvest(log, set->span[i].gpa, set->span[i].len,
				      on_logged, set);
}

/* ----------------------------------------------------------------------- runs */

/* The first page behind the block of a page. */
static uint64_t block_end(uint64_t page)
{
	const uint64_t pages = VMM_SET_BLOCK / VMM_SET_PAGE;

	return (page / pages + 1) * pages;
}

/* The first page of the cursor's part from page on; npages: none. */
static uint64_t find_page(const struct vmm_page_span *span, uint64_t page,
			  const struct vmm_page_cursor *cursor)
{
	while (page < span->npages) {
		if (vmm_page_part(page * VMM_SET_PAGE, cursor->parts) != cursor->part)
			page = block_end(page);
		else if (has_page(span, page))
			return page;
		else
			page = span->words[page / BITS] >> page % BITS ? page + 1 :
			       (page / BITS + 1) * BITS;
	}
	return span->npages;
}

void vmm_page_set_remove(struct vmm_page_set *set,
			 const struct vmm_page_run *run)
{
	const uint64_t first = run->offset / VMM_SET_PAGE;
	uint64_t page, removed = 0;

	for (page = first; page * VMM_SET_PAGE < run->offset + run->len; page++) {
		removed += has_page(run->span, page);
		run->span->words[page / BITS] &= ~(UINT64_C(1) << page % BITS);
	}
	__atomic_sub_fetch(&set->npages, removed, __ATOMIC_RELAXED);
}

static void remove_run(struct vmm_page_set *set,
		       const struct vmm_page_span *span, uint64_t first,
		       uint64_t end, struct vmm_page_run *run)
{
	uint64_t page = first;

	while (page < end && has_page(span, page))
		page++;
	run->span = span;
	run->offset = first * VMM_SET_PAGE;
	run->len = page < span->npages ? (page - first) * VMM_SET_PAGE :
					 span->len - run->offset;
	vmm_page_set_remove(set, run);
}

/* The end of a run that begins with page first. */
static uint64_t run_end(const struct vmm_page_span *span, uint64_t first,
			uint64_t max, const struct vmm_page_cursor *cursor)
{
	uint64_t end = first + (max - 1) / VMM_SET_PAGE + 1;

	if (cursor->parts > 1 && end > block_end(first))
		end = block_end(first);
	return end < span->npages ? end : span->npages;
}

bool vmm_page_set_next(struct vmm_page_set *set, struct vmm_page_cursor *cursor,
		       uint64_t max, struct vmm_page_run *run)
{
	const struct vmm_page_span *span = set->span;
	uint64_t before = 0, page;

	for (; span < set->span + set->n; before += span++->npages) {
		if (cursor->page >= before + span->npages)
			continue;
		page = cursor->page > before ? cursor->page - before : 0;
		page = find_page(span, page, cursor);
		if (page == span->npages)
			continue;
		remove_run(set, span, page, run_end(span, page, max, cursor), run);
		cursor->page = before + page +
			       (run->len + VMM_SET_PAGE - 1) / VMM_SET_PAGE;
		return true;
	}
	return false;
}
