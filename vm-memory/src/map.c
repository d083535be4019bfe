/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Maps: sorted regions, copied for each change, and references. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "priv.h"

/* Maximum regions of a map; KVM offers 32764 slots. */
#define MAX_REGIONS (1u << 20)

struct vmem_map *vmem_priv_map_over(struct vmem_map *memory, size_t n,
				    struct vmem_range **ranges)
{
	struct vmem_map *map = n > MAX_REGIONS ? NULL :
			       vmem_priv_map_alloc((unsigned int)n);

	if (!map)
		return NULL;
	map->memory = vmem_map_ref(memory);
	map->regions = NULL;
	map->view.flags = VMEM_VIEW_IOTLB;
	*ranges = (struct vmem_range *)(uintptr_t)map->view.ranges;
	return map;
}

static void set_range(struct vmem_range *range, struct vmem_region *region)
{
	range->first = vmem_region_gpa(region);
	range->span = vmem_region_len(region) - 1;
	range->hva = vmem_region_hva(region);
	range->dirty = vmem_region_dirty(region);
	range->flags = VMEM_READ;
	if (!vmem_region_is_rom(region))
		range->flags |= VMEM_WRITE;
}

/* The arrays are constant, except for the code that fills them. */
static void set_region(struct vmem_map *map, unsigned int i,
		       struct vmem_region *region)
{
	struct vmem_range *ranges =
		(struct vmem_range *)(uintptr_t)map->view.ranges;

	map->regions[i] = vmem_region_ref(region);
	set_range(&ranges[i], region);
}

/* The view of NULL: a map without regions. */
static const uint64_t no_firsts[8] = {
	UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
	UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
};
static const struct vmem_range no_ranges[8];
static const struct vmem_map no_map = {
	.view = { .firsts = no_firsts, .ranges = no_ranges },
};

static const struct vmem_map *map_or_none(const struct vmem_map *map)
{
	return map ? map : &no_map;
}

static uint64_t last_of(const struct vmem_region *region)
{
	return vmem_region_gpa(region) + (vmem_region_len(region) - 1);
}

static int regions_overlap(const struct vmem_region *a, const struct vmem_region *b,
			   struct vsu_error *err)
{
	return vsu_error_set(err, -EEXIST, "region %#" PRIx64 "-%#" PRIx64
			     " overlaps region %#" PRIx64 "-%#" PRIx64,
			     vmem_region_gpa(b), last_of(b),
			     vmem_region_gpa(a), last_of(a));
}

int vmem_map_new(struct vmem_map **out)
{
	struct vmem_map *map = vmem_priv_map_alloc(0);

	if (!map)
		return -ENOMEM;
	*out = map;
	return 0;
}

static int no_memory(unsigned int n, struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for a map of %u regions",
			     n);
}

/* Index of the first region that begins after gpa. */
static unsigned int upper_bound(const struct vmem_map *map, uint64_t gpa)
{
	unsigned int low = 0, high = map->view.n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (map->view.firsts[mid] <= gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int vmem_map_add(const struct vmem_map *map, struct vmem_region *region,
		 struct vmem_map **out, struct vsu_error *err)
{
	unsigned int at, n, i;
	struct vmem_map *bigger;

	map = map_or_none(map);
	at = upper_bound(map, vmem_region_gpa(region));
	n = map->view.n;
	if (at && last_of(map->regions[at - 1]) >= vmem_region_gpa(region))
		return regions_overlap(map->regions[at - 1], region, err);
	if (at < n && last_of(region) >= vmem_region_gpa(map->regions[at]))
		return regions_overlap(map->regions[at], region, err);
	if (n == MAX_REGIONS)
		return no_memory(n, err);
	bigger = vmem_priv_map_alloc(n + 1);
	if (!bigger)
		return no_memory(n + 1, err);
	for (i = 0; i < at; i++)
		set_region(bigger, i, map->regions[i]);
	set_region(bigger, at, region);
	for (; i < n; i++)
		set_region(bigger, i + 1, map->regions[i]);
	vmem_priv_map_seal(bigger);
	*out = bigger;
	return 0;
}

static int compare_gpa(const void *a, const void *b)
{
	const struct vmem_region *const *ra = a, *const *rb = b;
	uint64_t x = vmem_region_gpa(*ra), y = vmem_region_gpa(*rb);

	return (x > y) - (x < y);
}

/* Regions nearly always arrive sorted, and sorting takes longer than everything else. */
static bool in_order(struct vmem_region *const *regions, unsigned int n)
{
	unsigned int i;

	for (i = 1; i < n; i++)
		if (compare_gpa(&regions[i - 1], &regions[i]) > 0)
			return false;
	return true;
}

int vmem_map_from_regions(struct vmem_region *const *regions, unsigned int n,
			  struct vmem_map **out, struct vsu_error *err)
{
	int rc = vsu_check_array(regions, n, "regions", err);
	struct vmem_region **sorted;
	struct vmem_map *map;
	unsigned int i;

	if (rc < 0)
		return rc;
	map = n > MAX_REGIONS ? NULL : vmem_priv_map_alloc(n);
	if (!map)
		return no_memory(n, err);
	sorted = map->regions;
	if (n)
		memcpy(sorted, regions, n * sizeof(*sorted));
	if (!in_order(sorted, n))
		qsort(sorted, n, sizeof(*sorted), compare_gpa);
	for (i = 1; i < n && !rc; i++)
		if (last_of(sorted[i - 1]) >= vmem_region_gpa(sorted[i]))
			rc = regions_overlap(sorted[i - 1], sorted[i], err);
	if (rc < 0) {
		vmem_priv_map_free(map);	/* the regions have no references yet */
		return rc;
	}
	for (i = 0; i < n; i++)
		set_region(map, i, sorted[i]);
	vmem_priv_map_seal(map);
	*out = map;
	return 0;
}

static unsigned int index_of(const struct vmem_map *map,
			     const struct vmem_region *region)
{
	uint32_t at = vmem_view_find(&map->view, vmem_region_gpa(region));

	return at < map->view.n && map->regions[at] == region ? at :
								map->view.n;
}

int vmem_map_remove(const struct vmem_map *map,
		    const struct vmem_region *region, struct vmem_map **out,
		    struct vsu_error *err)
{
	unsigned int at, n, i;
	struct vmem_map *smaller;

	map = map_or_none(map);
	at = index_of(map, region);
	n = map->view.n;
	if (at == n)
		return vsu_error_set(err, -ENOENT, "region %#" PRIx64 "-%#"
				     PRIx64 " is not in the map",
				     vmem_region_gpa(region), last_of(region));
	smaller = vmem_priv_map_alloc(n - 1);
	if (!smaller)
		return no_memory(n - 1, err);
	for (i = 0; i < at; i++)
		set_region(smaller, i, map->regions[i]);
	for (; i < n - 1; i++)
		set_region(smaller, i, map->regions[i + 1]);
	vmem_priv_map_seal(smaller);
	*out = smaller;
	return 0;
}

void vmem_priv_event_unref(struct vmem_priv_event *event)
{
	if (__atomic_fetch_sub(&event->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	vsu_fd_close(&event->fd);
	free(event);
}

static void map_destroy(struct vmem_map *map)
{
	struct vmem_block *gone = NULL;
	uint32_t i;

	for (i = 0; map->regions && i < map->view.n; i++)
		vmem_priv_region_drop(map->regions[i], &gone);
	vmem_priv_blocks_destroy(gone);
	vmem_map_unref(map->memory);
	if (map->event)
		vmem_priv_event_unref(map->event);
	vmem_priv_map_free(map);
}

struct vmem_map *vmem_map_ref(struct vmem_map *map)
{
	if (map)
		__atomic_fetch_add(&map->refs, VMEM_PRIV_MAP_REF,
				   __ATOMIC_RELAXED);
	return map;
}

static void signal_event(struct vmem_priv_event *event)
{
	int fd = __atomic_load_n(&event->fd, __ATOMIC_ACQUIRE);

	if (fd >= 0)
		vsu_event_signal_own(fd);
}

/*
 * Once only the space's reference remains, the writer may free a retired map.
 * So hold the event across the decrement. The writer sets awaited before it
 * reads the counts: either it sees this decrement, or this thread sees awaited.
 */
static void map_drop(struct vmem_map *map)
{
	struct vmem_priv_event *event = __atomic_load_n(&map->event,
							__ATOMIC_ACQUIRE);
	uint64_t before;

	if (event)
		__atomic_fetch_add(&event->refs, 1, __ATOMIC_RELAXED);
	before = __atomic_fetch_sub(&map->refs, VMEM_PRIV_MAP_REF,
				    __ATOMIC_SEQ_CST);
	if (before / VMEM_PRIV_MAP_REF == 1)
		map_destroy(map);
	if (!event)
		return;
	if (before == (2 * VMEM_PRIV_MAP_REF | VMEM_PRIV_MAP_RETIRED) &&
	    __atomic_load_n(&event->awaited, __ATOMIC_SEQ_CST))
		signal_event(event);
	vmem_priv_event_unref(event);
}

struct vmem_map *vmem_map_unref(struct vmem_map *map)
{
	if (map)
		map_drop(map);
	return NULL;
}

const struct vmem_view *vmem_map_view(const struct vmem_map *map)
{
	return &map_or_none(map)->view;
}

unsigned int vmem_map_count(const struct vmem_map *map)
{
	return map && map->regions ? map->view.n : 0;
}

struct vmem_region *vmem_map_region(const struct vmem_map *map,
				    unsigned int index)
{
	return index < vmem_map_count(map) ? map->regions[index] : NULL;
}

struct vmem_region *vmem_map_find(const struct vmem_map *map, uint64_t gpa)
{
	return vmem_map_region(map, vmem_view_find(vmem_map_view(map), gpa));
}

struct vmem_region *vmem_map_find_hva(const struct vmem_map *map,
				      const void *hva)
{
	const struct vmem_range *range;
	uint32_t i;

	map = map_or_none(map);
	range = map->view.ranges;
	if (map->memory)
		return vmem_map_find_hva(map->memory, hva);
	for (i = 0; i < map->view.n; i++, range++)
		if ((uintptr_t)hva - (uintptr_t)range->hva <= range->span)
			return map->regions[i];
	return NULL;
}

bool vmem_map_failed(const struct vmem_map *map)
{
	uint32_t i;

	map = map_or_none(map);
	if (map->memory)
		return vmem_map_failed(map->memory);
	for (i = 0; i < map->view.n; i++)
		if (vmem_block_failed(vmem_region_block(map->regions[i])))
			return true;
	return false;
}
