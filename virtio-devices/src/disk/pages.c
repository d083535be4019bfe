/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The set of allocated pages of a file in RAM: one bit each. */
#include <config.h>

#include <stdlib.h>
#include <unistd.h>

#include "disk/pages.h"

#define WORD 64u

void virtdev_priv_pages_init(struct virtdev_priv_pages *pages, uint64_t len)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	pages->shift = (uint32_t)__builtin_ctzll(page);
	pages->words = calloc((len - 1) / page / WORD + 1, sizeof(uint64_t));
}

void virtdev_priv_pages_fini(struct virtdev_priv_pages *pages)
{
	free(pages->words);
	pages->words = NULL;
}

/* The bits of word i that belong to the pages first to last. */
static uint64_t mask_of(uint64_t i, uint64_t first, uint64_t last)
{
	uint64_t mask = UINT64_MAX;

	if (i == first / WORD)
		mask &= UINT64_MAX << first % WORD;
	if (i == last / WORD)
		mask &= UINT64_MAX >> (WORD - 1 - last % WORD);
	return mask;
}

bool virtdev_priv_pages_known(const struct virtdev_priv_pages *pages,
			      uint64_t pos, uint64_t len)
{
	const uint64_t first = pos >> pages->shift;
	const uint64_t last = (pos + len - 1) >> pages->shift;
	uint64_t i, mask;

	if (!pages->words)
		return false;
	for (i = first / WORD; i <= last / WORD; i++) {
		mask = mask_of(i, first, last);
		if (~__atomic_load_n(&pages->words[i], __ATOMIC_RELAXED) & mask)
			return false;
	}
	return true;
}

void virtdev_priv_pages_set(struct virtdev_priv_pages *pages, uint64_t pos,
			    uint64_t len, bool known)
{
	const uint64_t first = pos >> pages->shift;
	const uint64_t last = (pos + len - 1) >> pages->shift;
	uint64_t i, mask;

	if (!pages->words || !len)
		return;
	for (i = first / WORD; i <= last / WORD; i++) {
		mask = mask_of(i, first, last);
		if (known)
			__atomic_fetch_or(&pages->words[i], mask,
					  __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&pages->words[i], ~mask,
					   __ATOMIC_RELAXED);
	}
}
