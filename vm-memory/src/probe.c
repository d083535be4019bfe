/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests missing pages, up to a limit. */
#include <config.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "priv.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define MAX_ASKED 128
#define CHUNK 4096u		/* host pages per mincore() */

struct probe {
	unsigned char *hva;
	uint64_t page_size;
	int advice;
	unsigned int asked;
};

/* Without MADV_POPULATE_* no page counts as missing. */
static bool is_refused(struct probe *p, uint64_t off)
{
	p->asked++;
	return madvise(p->hva + off, p->page_size, p->advice) < 0 &&
	       errno != EINVAL;
}

/* True if one of n host pages from off on cannot be allocated. */
static bool probe_chunk(struct probe *p, uint64_t off, unsigned int n,
			uint64_t host_page, uint64_t *bad)
{
	unsigned char present[CHUNK];
	unsigned int i;

	if (mincore(p->hva + off, n * host_page, present) < 0)
		return false;
	for (i = 0; i < n && p->asked < MAX_ASKED;
	     i += (unsigned int)(p->page_size / host_page)) {
		if (present[i] & 1)
			continue;
		*bad = off + i * host_page;
		if (is_refused(p, *bad))
			return true;
	}
	return false;
}

bool vmem_block_find_missing(const struct vmem_block *block, uint64_t off,
			     uint64_t len, uint64_t *missing)
{
	const uint64_t host_page = vmem_priv_host_page(), end = off + len;
	struct probe p = {
		.hva = block->hva, .page_size = block->page_size,
		.advice = block->flags & VMEM_BLOCK_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ,
	};
	uint64_t left;

	for (; off < end && p.asked < MAX_ASKED; off += CHUNK * host_page) {
		left = (end - off + host_page - 1) / host_page;
		if (probe_chunk(&p, off, left < CHUNK ? (unsigned int)left :
				CHUNK, host_page, missing))
			return true;
	}
	return false;
}
