/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests missing pages, up to a limit. */
#include <config.h>

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory/probe.h"

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

bool vmm_probe(unsigned char *hva, uint64_t len, uint64_t page_size,
	       bool write, uint64_t *off)
{
	const uint64_t host_page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct probe p = {
		.hva = hva, .page_size = page_size,
		.advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ,
	};
	uint64_t at, left;

	for (at = 0; at < len && p.asked < MAX_ASKED; at += CHUNK * host_page) {
		left = (len - at + host_page - 1) / host_page;
		if (probe_chunk(&p, at, left < CHUNK ? (unsigned int)left :
				CHUNK, host_page, off))
			return true;
	}
	return false;
}
