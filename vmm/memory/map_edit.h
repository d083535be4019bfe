/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A list of changes of the guest's memory map that becomes one new map. A map is
 * immutable and each function of vm-memory copies it: a list of changes by
 * vmem_map_add() and vmem_map_remove() takes quadratic time.
 *
 *   begin    the regions of a map
 *   carve    a range becomes a hole; regions that reach beyond it are cut
 *   add      a region more, in a hole
 *   remove   the region that holds an address
 *   finish   the new map
 *
 * Threads: confined.
 */
#ifndef VMM_MAP_EDIT_H
#define VMM_MAP_EDIT_H

#include <stdint.h>

#include <vm-memory/map.h>

struct vmm_map_edit {
	struct vmem_region **regions;	/* n of them by address, referenced */
	unsigned int n, room;
};

/* Without regions if map is NULL. -ENOMEM: there is nothing to end. */
int vmm_map_edit_begin(struct vmm_map_edit *e, const struct vmem_map *map);
void vmm_map_edit_end(struct vmm_map_edit *e);

/* The number of regions that were removed or cut, or -ENOMEM. */
int vmm_map_edit_carve(struct vmm_map_edit *e, uint64_t gpa, uint64_t len);
/* -EEXIST: a region overlaps it. */
int vmm_map_edit_add(struct vmm_map_edit *e, struct vmem_region *region);
/* -ENOENT: no region holds gpa. */
int vmm_map_edit_remove(struct vmm_map_edit *e, uint64_t gpa);

int vmm_map_edit_finish(const struct vmm_map_edit *e, struct vmem_map **out);

#endif
