/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The sorted list of regions behind an edit of a map. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/map_edit.h>

/* Regions that are added before the list has to grow. */
#define MORE_ROOM 16u

static uint64_t last_of(const struct vmem_region *region)
{
	return vmem_region_gpa(region) + (vmem_region_len(region) - 1);
}

int vmem_map_edit_init(struct vmem_map_edit *e, const struct vmem_map *map)
{
	unsigned int i;

	e->n = vmem_map_count(map);
	e->room = e->n + MORE_ROOM;
	e->regions = calloc(e->room, sizeof(*e->regions));
	if (!e->regions)
		return -ENOMEM;
	for (i = 0; i < e->n; i++)
		e->regions[i] = vmem_region_ref(vmem_map_region(map, i));
	return 0;
}

void vmem_map_edit_fini(struct vmem_map_edit *e)
{
	while (e->n)
		vmem_region_unref(e->regions[--e->n]);
	free(e->regions);
}

/* Index of the first region that ends at gpa or behind it. */
static unsigned int index_of(const struct vmem_map_edit *e, uint64_t gpa)
{
	unsigned int low = 0, high = e->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (last_of(e->regions[mid]) < gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Takes the reference. */
static int insert_take(struct vmem_map_edit *e, unsigned int at,
		       struct vmem_region *region)
{
	struct vmem_region **bigger = e->regions;

	if (e->n == e->room) {
		bigger = reallocarray(e->regions, 2 * (size_t)e->room,
				      sizeof(*bigger));
		if (!bigger) {
			vmem_region_unref(region);
			return -ENOMEM;
		}
		e->regions = bigger;
		e->room *= 2;
	}
	memmove(&bigger[at + 1], &bigger[at], (e->n - at) * sizeof(*bigger));
	bigger[at] = region;
	e->n++;
	return 0;
}

static void remove_range(struct vmem_map_edit *e, unsigned int from,
			 unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++)
		vmem_region_unref(e->regions[i]);
	memmove(&e->regions[from], &e->regions[to],
		(e->n - to) * sizeof(*e->regions));
	e->n -= to - from;
}

/* The part [first, last] of a region, at index at. */
static int insert_part(struct vmem_map_edit *e, unsigned int at,
		       const struct vmem_region *of, uint64_t first,
		       uint64_t last)
{
	const uint64_t off = first - vmem_region_gpa(of);
	const struct vmem_region_desc desc = {
		.block = vmem_region_block(of),
		.offset = vmem_region_offset(of) + off, .gpa = first,
		.len = last - first + 1,
		.flags = vmem_region_is_rom(of) ? VMEM_REGION_ROM : 0,
	};
	struct vmem_region *part;
	int rc = vmem_region_new(&desc, &part, NULL);

	return rc < 0 ? rc : insert_take(e, at, part);
}

/* Cuts the region at index at in two, of which the second begins at gpa. */
static int cut_at(struct vmem_map_edit *e, unsigned int at, uint64_t gpa)
{
	struct vmem_region *whole = e->regions[at];
	int rc;

	if (at == e->n || vmem_region_gpa(whole) >= gpa)
		return 0;
	rc = insert_part(e, at + 1, whole, gpa, last_of(whole));
	if (!rc)
		rc = insert_part(e, at + 1, whole, vmem_region_gpa(whole),
				 gpa - 1);
	if (!rc)
		remove_range(e, at, at + 1);
	return rc;
}

int vmem_map_edit_carve(struct vmem_map_edit *e, uint64_t gpa, uint64_t len)
{
	unsigned int from, to;
	int rc = cut_at(e, index_of(e, gpa), gpa);

	if (!rc)
		rc = cut_at(e, index_of(e, gpa + len), gpa + len);
	if (rc < 0)
		return rc;
	from = index_of(e, gpa);
	to = index_of(e, gpa + len);
	remove_range(e, from, to);
	return (int)(to - from);
}

int vmem_map_edit_add(struct vmem_map_edit *e, struct vmem_region *region)
{
	const unsigned int at = index_of(e, vmem_region_gpa(region));

	if (at < e->n && vmem_region_gpa(e->regions[at]) <= last_of(region))
		return -EEXIST;
	return insert_take(e, at, vmem_region_ref(region));
}

int vmem_map_edit_remove(struct vmem_map_edit *e, uint64_t gpa)
{
	const unsigned int at = index_of(e, gpa);

	if (at == e->n || vmem_region_gpa(e->regions[at]) > gpa)
		return -ENOENT;
	remove_range(e, at, at + 1);
	return 0;
}

int vmem_map_edit_finish(const struct vmem_map_edit *e, struct vmem_map **out)
{
	return vmem_map_from_regions(e->regions, e->n, out, NULL);
}
