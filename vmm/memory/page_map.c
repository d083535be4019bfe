/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the page map of this process. */
#include <config.h>

#include <errno.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "memory/page_map.h"

void vmm_page_map_init(struct vmm_page_map *map, int fd)
{
	map->fd = fd;
	map->page = (uint64_t)sysconf(_SC_PAGESIZE);
	map->n = 0;
}

int vmm_page_map_get(struct vmm_page_map *map, const unsigned char *address, uint64_t *entry)
{
	const uint64_t page = (uint64_t)(uintptr_t)address / map->page;
	ssize_t n;

	if (!map->n || page < map->first || page - map->first >= map->n) {
		map->n = 0;
		n = vsu_fd_pread_full(map->fd, map->entries, sizeof(map->entries),
				      page * sizeof(map->entries[0]));
		if (n < (ssize_t)sizeof(map->entries[0]))
			return n < 0 ? (int)n : -EIO;
		map->first = page;
		map->n = (unsigned int)((size_t)n / sizeof(map->entries[0]));
	}
	*entry = map->entries[page - map->first];
	return 0;
}
