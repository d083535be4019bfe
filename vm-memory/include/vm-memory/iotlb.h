/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An IOTLB: a cache of translations from I/O virtual addresses to guest addresses,
 * with permissions, filled by the owner of the IOMMU.
 *
 *   entry    {iova, len, gpa, perm}, of any length and alignment
 *   map      a struct vmem_map by which rings translate: its view is indexed by
 *            I/O virtual address and refers to host memory directly, with
 *            permissions and dirty bitmaps
 *
 * If entries overlap, the later one replaces the earlier one. The maximum number
 * of entries is set at creation, so that a peer cannot make the IOTLB grow.
 *
 * After changes of entries or of guest memory, create a new map by vmem_iotlb_map()
 * and publish it in the struct vmem_space of the rings, which notice it by the
 * space's generation. The view of such a map has the flag VMEM_VIEW_IOTLB: an address
 * without a translation is not an error; rings report it to their owner (-EAGAIN),
 * which requests the translation from the IOMMU.
 *
 * Threads: confined to one thread; maps are shareable.
 */
#ifndef VM_MEMORY_IOTLB_H
#define VM_MEMORY_IOTLB_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_iotlb;

VMEM_API int vmem_iotlb_new(unsigned int max_entries, struct vmem_iotlb **out)
	VSU_NODISCARD;
VMEM_API void vmem_iotlb_free(struct vmem_iotlb *iotlb);

/* Translates [iova, iova + len) to [gpa, gpa + len); perm: VMEM_READ | _WRITE. */
struct vmem_iotlb_entry {
	uint64_t iova;
	uint64_t len;
	uint64_t gpa;
	uint32_t perm;
	uint32_t pad;
};

/*
 * Adds an entry. -EINVAL: length 0, no or unknown permissions, or an address
 * overflow; -ENOSPC: too many entries. Nothing changes on failure.
 */
VMEM_API int vmem_iotlb_set(struct vmem_iotlb *iotlb,
			    const struct vmem_iotlb_entry *entry,
			    struct vsu_error *err) VSU_NODISCARD;

/*
 * Removes [iova, iova + len). Parts of entries outside the range remain, so that one
 * entry can become two. -ENOSPC: no room to split an entry; all of it is removed, and
 * will be requested again. -EINVAL: the range overflows; nothing is removed.
 */
VMEM_API int vmem_iotlb_invalidate(struct vmem_iotlb *iotlb, uint64_t iova,
				   uint64_t len) VSU_NODISCARD;
VMEM_API void vmem_iotlb_invalidate_all(struct vmem_iotlb *iotlb);

VMEM_API unsigned int vmem_iotlb_count(const struct vmem_iotlb *iotlb);

/* The entry at this index, in order of address; false: no such entry. */
VMEM_API bool vmem_iotlb_entry_at(const struct vmem_iotlb *iotlb,
				  unsigned int index,
				  struct vmem_iotlb_entry *out);

/*
 * Creates the map of all entries. The map keeps a reference to the map of guest
 * memory and omits pieces of entries that are outside of it. The new map has no
 * regions of its own; vmem_map_find_hva() finds those of guest memory.
 */
VMEM_API int vmem_iotlb_map(const struct vmem_iotlb *iotlb,
			    struct vmem_map *memory, struct vmem_map **out,
			    struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
