/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The arrays of a map: one allocation, which begins with the view that inline code reads. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "priv.h"

#define CACHE_LINE 64

_Static_assert(offsetof(struct vmem_map, guess) ==
	       offsetof(struct vmem_map, view) + sizeof(struct vmem_view),
	       "inline code finds the guess behind the view");

static size_t round_up(size_t n, size_t step)
{
	return (n + step - 1) / step * step;
}

/* The padded length of the arrays of a view with n ranges, for the search in map.h. */
static size_t padded_count(size_t n)
{
	return n <= 8 ? 8 : round_up(n, 64);
}

/*
 * Aligns the map within a malloc() block: maps are replaced at each change of memory, and
 * malloc() reuses a freed block, where aligned_alloc() splits another one.
 */
static void *line_in(void *whole)
{
	return (unsigned char *)whole +
	       (CACHE_LINE - (uintptr_t)whole % CACHE_LINE) % CACHE_LINE;
}

struct vmem_map *vmem_priv_map_alloc(unsigned int n)
{
	size_t head = round_up(sizeof(struct vmem_map), CACHE_LINE);
	size_t padded = padded_count(n);
	size_t firsts = padded * sizeof(uint64_t);
	size_t ranges = padded * sizeof(struct vmem_range);
	size_t total = head + firsts + ranges +
		       n * sizeof(struct vmem_region *);
	void *whole = malloc(total + CACHE_LINE - 1);
	struct vmem_map *map;
	unsigned char *at;

	if (!whole)
		return NULL;
	map = line_in(whole);
	at = (unsigned char *)map;
	memset(map, 0, total);
	memset(at + head, 0xff, firsts);
	map->whole = whole;
	map->refs = VMEM_PRIV_MAP_REF;
	map->view.n = n;
	map->view.firsts = (const uint64_t *)(at + head);
	map->view.ranges = (const struct vmem_range *)(at + head + firsts);
	map->regions = (struct vmem_region **)(at + head + firsts + ranges);
	((struct vmem_range *)(at + head + firsts))->first = UINT64_MAX;
	return map;
}

void vmem_priv_map_free(struct vmem_map *map)
{
	free(map->whole);
}

static void fill_guess(struct vmem_guess_ *guess,
		       const struct vmem_range *ranges, uint32_t n)
{
	uint64_t last = ranges[n - 1].first - ranges[0].first +
			ranges[n - 1].span, from;
	uint32_t i;

	guess->first = ranges[0].first;
	while (last >> guess->shift >= VMEM_PIECES_)
		guess->shift++;
	for (i = 1; i < n && i <= UINT8_MAX; i++) {
		from = (ranges[i].first - guess->first) >> guess->shift;
		memset(guess->at + from, (int)i, VMEM_PIECES_ - from);
	}
}

/*
 * Fills the view's arrays and their padding. The last guest address is not below the
 * padding of firsts, so the padding of ranges repeats the last range, the only one that can
 * contain this address.
 */
void vmem_priv_map_seal(struct vmem_map *map)
{
	uint64_t *firsts = (uint64_t *)(uintptr_t)map->view.firsts;
	struct vmem_range *ranges =
		(struct vmem_range *)(uintptr_t)map->view.ranges;
	uint32_t i, n = map->view.n;

	for (i = 0; i < n; i++)
		firsts[i] = ranges[i].first;
	for (; n && i < padded_count(n); i++)
		ranges[i] = ranges[n - 1];
	if (n)
		fill_guess(&map->guess, ranges, n);
}
