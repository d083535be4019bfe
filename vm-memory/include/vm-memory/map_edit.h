/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A list of changes of a map that becomes one new map. A map is immutable, and each call of
 * vmem_map_add() and vmem_map_remove() copies it, so a list of such calls takes quadratic time.
 *
 *   init     begins with the regions of a map
 *   carve    makes a range empty; regions that extend beyond it are cut
 *   add      adds a region to an empty range
 *   remove   removes the region that contains an address
 *   finish   creates the new map; more changes and another map may follow
 *   fini     releases the list
 *
 * After a failed change only vmem_map_edit_fini() is useful, except where stated.
 *
 * Threads: confined.
 */
#ifndef VM_MEMORY_MAP_EDIT_H
#define VM_MEMORY_MAP_EDIT_H

#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/map.h>

VSU_BEGIN_DECLS

/* Fixed layout. On the caller's stack; its members are private. */
struct vmem_map_edit {
	struct vmem_region **regions;	/* n of them by address, referenced */
	unsigned int n, room;
};

/* map may be NULL: no regions. -ENOMEM: vmem_map_edit_fini() is not needed. */
VMEM_API int vmem_map_edit_init(struct vmem_map_edit *e, const struct vmem_map *map) VSU_NODISCARD;
VMEM_API void vmem_map_edit_fini(struct vmem_map_edit *e);

/* Returns the number of regions that were removed or cut, or -ENOMEM. */
VMEM_API int vmem_map_edit_carve(struct vmem_map_edit *e, uint64_t gpa, uint64_t len) VSU_NODISCARD;
/* -EEXIST: a region overlaps it, and the list is unchanged; -ENOMEM. */
VMEM_API int vmem_map_edit_add(struct vmem_map_edit *e, struct vmem_region *region) VSU_NODISCARD;
/* -ENOENT: no region contains gpa, and the list is unchanged. */
VMEM_API int vmem_map_edit_remove(struct vmem_map_edit *e, uint64_t gpa) VSU_NODISCARD;

/* -ENOMEM. */
VMEM_API int vmem_map_edit_finish(const struct vmem_map_edit *e, struct vmem_map **out) VSU_NODISCARD;

VSU_END_DECLS

#endif
