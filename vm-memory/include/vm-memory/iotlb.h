/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An IOTLB: which I/O virtual addresses lead to which guest addresses, and
 * with what permission, as an IOMMU's owner said.
 *
 *   entry    {iova, len, gpa, perm}, of any length and at any byte
 *   map      what a ring translates with: an ordinary struct vmem_map whose
 *            view is indexed by I/O virtual address and leads straight to
 *            host memory, permissions and dirty bitmaps included
 *
 * A later entry overrides an earlier one where they overlap. The number of
 * entries is limited when the IOTLB is made, so that a peer cannot make it
 * grow.
 *
 * After changes, vmem_iotlb_map() makes the map of now, and the owner
 * publishes it in a struct vmem_space that its rings read; so a change reaches
 * a ring as any change of memory does, by the space's generation. A view of an
 * IOTLB has VMEM_VIEW_IOTLB in its flags: an address that it does not hold is
 * not an error but a question to the IOMMU (-EAGAIN). When guest memory itself
 * changes the map is made and published again.
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

/* Maps [iova, iova + len) to gpa and on; perm: VMEM_READ | _WRITE. */
struct vmem_iotlb_entry {
	uint64_t iova;
	uint64_t len;
	uint64_t gpa;
	uint32_t perm;
	uint32_t pad;
};

/*
 * -EINVAL for an empty entry, no or unknown permissions, and sums that wrap;
 * -ENOSPC when there are too many entries. Nothing changes on failure.
 */
VMEM_API int vmem_iotlb_set(struct vmem_iotlb *iotlb,
			    const struct vmem_iotlb_entry *entry,
			    struct vsu_error *err) VSU_NODISCARD;

/*
 * Forgets [iova, iova + len); what an entry has outside of it stays, which may
 * make one entry two: -ENOSPC when there is no room for that (then the whole
 * entry is forgotten, which a miss repairs).
 */
VMEM_API int vmem_iotlb_invalidate(struct vmem_iotlb *iotlb, uint64_t iova,
				   uint64_t len) VSU_NODISCARD;
VMEM_API void vmem_iotlb_invalidate_all(struct vmem_iotlb *iotlb);

VMEM_API unsigned int vmem_iotlb_count(const struct vmem_iotlb *iotlb);

/* Entry index in order of address; false behind the last. */
VMEM_API bool vmem_iotlb_entry_at(const struct vmem_iotlb *iotlb,
				  unsigned int index,
				  struct vmem_iotlb_entry *out);

/*
 * The map of the entries over guest memory, which it holds a reference on.
 * Pieces of entries that lead to no memory are left out. The map has no
 * regions of its own; vmem_map_find_hva() finds those of guest memory.
 */
VMEM_API int vmem_iotlb_map(const struct vmem_iotlb *iotlb,
			    struct vmem_map *memory, struct vmem_map **out,
			    struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
