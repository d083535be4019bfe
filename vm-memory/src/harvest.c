/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Harvests the dirty pages of a whole map, as runs of guest addresses. */
#include <config.h>

#include <string.h>

#include "priv.h"

#define WORD_BITS 64u
/* Words that are harvested at once: 64 MiB in pages of 4 KiB. */
#define WINDOW 256u

/* One harvest: its callback, and the run of dirty pages not yet reported. */
struct harvest {
	vmem_dirty_fn fn;
	void *opaque;
	const struct vmem_region *region;
	uint32_t page_shift;
	uint64_t first, n;	/* pages of the run */
};

static void report_run(struct harvest *h)
{
	const uint64_t off = h->first << h->page_shift;
	const uint64_t rest = vmem_region_len(h->region) - off;
	const uint64_t len = h->n << h->page_shift;

	if (h->n)
		h->fn(h->opaque, vmem_region_gpa(h->region) + off,
		      len < rest ? len : rest);
	h->n = 0;
}

static void add_page(struct harvest *h, uint64_t page)
{
	if (h->n && page != h->first + h->n)
		report_run(h);
	if (!h->n)
		h->first = page;
	h->n++;
}

static void add_words(struct harvest *h, uint64_t first, const uint64_t *words,
		      uint64_t n)
{
	uint64_t i, bits;

	for (i = 0; i < n; i++)
		for (bits = words[i]; bits; bits &= bits - 1)
			add_page(h, (first + i) * WORD_BITS +
				 (uint64_t)__builtin_ctzll(bits));
}

static uint64_t harvest_region(struct harvest *h)
{
	struct vmem_dirty *dirty = vmem_region_dirty(h->region);
	uint64_t words[WINDOW], first, n, end, pages = 0;

	if (!dirty)
		return 0;
	h->page_shift = dirty->page_shift;
	end = (dirty->nbits + WORD_BITS - 1) / WORD_BITS;
	for (first = 0; first < end; first += n) {
		n = end - first < WINDOW ? end - first : WINDOW;
		memset(words, 0, n * sizeof(*words));
		pages += vmem_priv_dirty_take(dirty, first, n, words);
		add_words(h, first, words, n);
	}
	report_run(h);
	return pages;
}

uint64_t vmem_map_harvest(struct vmem_map *map, vmem_dirty_fn fn, void *opaque)
{
	struct harvest h = { .fn = fn, .opaque = opaque };
	uint64_t pages = 0;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++) {
		h.region = vmem_map_region(map, i);
		pages += harvest_region(&h);
	}
	return pages;
}
