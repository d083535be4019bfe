/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Guest memory for tests. */
#ifndef VARCH_TESTS_MEMORY_H
#define VARCH_TESTS_MEMORY_H

#include <sys/mman.h>

#include <vm-memory/backend.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>

#include "util.h"

/* NULL, or the reason why tests with two huge pages of 2 MiB cannot run here. */
static inline const char *no_huge_pages(void)
{
	int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | 21u << MAP_HUGE_SHIFT);
	const bool has = fd >= 0 && !ftruncate(fd, 4 * MIB) && !fallocate(fd, 0, 0, 4 * MIB);

	if (fd >= 0)
		close(fd);
	return has ? NULL : "the pool has no two huge pages of 2 MiB (vm.nr_hugepages)";
}

static inline struct vmem_block *make_block(const char *properties)
{
	struct vmem_backend *backend;
	struct vmem_block *block;

	ck_assert_int_eq(vmem_backend_new(&backend), 0);
	ck_assert_int_eq(vmem_backend_parse(backend, "test", properties, NULL),
			 0);
	ck_assert_int_eq(vmem_backend_alloc(backend, &block, NULL), 0);
	vmem_backend_free(backend);
	return block;
}

/* map with a piece of the block in it; takes the map's reference. */
static inline struct vmem_map *with_piece(struct vmem_map *map,
					  struct vmem_block *block,
					  uint64_t offset, uint64_t gpa,
					  uint64_t len)
{
	const struct vmem_region_desc d = { .block = block, .offset = offset,
					    .gpa = gpa, .len = len };
	struct vmem_region *region;
	struct vmem_map *next;

	ck_assert_int_eq(vmem_region_new(&d, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_add(map, region, &next, NULL), 0);
	vmem_region_unref(region);
	vmem_map_unref(map);
	return next;
}

static inline struct vmem_map *empty_map(void)
{
	struct vmem_map *map;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	return map;
}

/* Anonymous memory of that size from 0 on. */
static inline struct vmem_map *make_memory(uint64_t size)
{
	struct vmem_block *block;
	struct vmem_map *map;
	char text[32];

	snprintf(text, sizeof(text), "size=%" PRIu64, size);
	block = make_block(text);
	map = with_piece(empty_map(), block, 0, 0, size);
	vmem_block_unref(block);
	return map;
}

#endif
