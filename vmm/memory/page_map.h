/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The page map of this process (/proc/self/pagemap), an entry for each page of its memory,
 * read many at a time.
 *
 * Threads: each has its own struct; they may share the descriptor.
 */
#ifndef VMM_MEMORY_PAGE_MAP_H
#define VMM_MEMORY_PAGE_MAP_H

#include <stdbool.h>
#include <stdint.h>

/* Documentation/admin-guide/mm/pagemap.rst */
#define VMM_PAGE_OF_FILE (UINT64_C(1) << 61)
#define VMM_PAGE_SWAPPED (UINT64_C(1) << 62)
#define VMM_PAGE_PRESENT (UINT64_C(1) << 63)

struct vmm_page_map {
	int fd;			/* borrowed; -1: none */
	uint64_t page;		/* bytes */
	uint64_t first;		/* number of the first page that was read */
	unsigned int n;
	uint64_t entries[512];
};

void vmm_page_map_init(struct vmm_page_map *map, int fd);

/* The entry of the page at that address: 0, or a negative errno. */
int vmm_page_map_get(struct vmm_page_map *map, const unsigned char *address, uint64_t *entry);

/* False: nobody has used the page since it was mapped or discarded. */
static inline bool vmm_page_is_used(uint64_t entry)
{
	return (entry & (VMM_PAGE_SWAPPED | VMM_PAGE_PRESENT)) != 0;
}

#endif
