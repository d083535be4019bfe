/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Builds a new map of the guest's memory from a list of changes. A map is
 * immutable and each function of vm-memory copies it, so a list of calls of
 * vmem_map_add() and vmem_map_remove() takes quadratic time.
 *
 *   begin    copies the list of a map's regions
 *   carve    makes a range empty; regions that extend beyond it are cut
 *   add      adds a region to an empty range
 *   remove   removes the region that contains an address
 *   finish   creates the new map
 *
 * Threads: confined to one thread.
 */
#ifndef VMM_MAP_EDIT_H
#define VMM_MAP_EDIT_H

#include <stdint.h>

#include <vm-memory/map.h>

struct vmm_map_edit {
	struct vmem_region **regions;	/* n of them by address, referenced */
	unsigned int n, room;
};

/* Starts empty if map is NULL. -ENOMEM: vmm_map_edit_end() is not needed. */
int vmm_map_edit_begin(struct vmm_map_edit *e, const struct vmem_map *map);
void vmm_map_edit_end(struct vmm_map_edit *e);

/* Returns the number of regions that were removed or cut, or -ENOMEM. */
int vmm_map_edit_carve(struct vmm_map_edit *e, uint64_t gpa, uint64_t len);
/* -EEXIST: a region overlaps it. */
int vmm_map_edit_add(struct vmm_map_edit *e, struct vmem_region *region);
/* -ENOENT: no region holds gpa. */
int vmm_map_edit_remove(struct vmm_map_edit *e, uint64_t gpa);

int vmm_map_edit_finish(const struct vmm_map_edit *e, struct vmem_map **out);

#endif
