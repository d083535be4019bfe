/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * For programs that pass blocks to KVM as memory slots. The caller owns the fd of the
 * virtual machine and creates the slots; this library only converts pages.
 *
 *   plain slot   KVM receives the block's host address (KVM_SET_USER_MEMORY_REGION);
 *                dirty logging and read-only slots work
 *   bound slot   KVM receives the block's guest_memfd and vmem_block_file_pos()
 *                (KVM_SET_USER_MEMORY_REGION2 with KVM_MEM_GUEST_MEMFD); the slot
 *                cannot change and has no dirty log
 *   two layers   KVM receives the host address for shared pages and a second
 *                guest_memfd for private pages (property private=on)
 *
 * A slot does not keep the block's file open: keep the block until the slot is deleted.
 *
 * Threads: any, but only one at a time converts the same range.
 */
#ifndef VM_MEMORY_KVM_H
#define VM_MEMORY_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/block.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* True if the block was allocated with slot=bound. */
VMEM_API bool vmem_block_is_bound(const struct vmem_block *block);

/* The memory slot of its regions for reports: "two-layer", "bound", "readonly" (rom) or "plain". */
VMEM_API const char *vmem_block_slot_name(const struct vmem_block *block, bool rom);

/*
 * The guest_memfd for private pages, borrowed. Its byte n is byte n of the block. -1:
 * the block was allocated without private=on.
 */
VMEM_API int vmem_block_private_fd(const struct vmem_block *block);

/*
 * Converts [off, off + len) of the region, whole pages, to private or to shared. Call
 * it when the guest requests this (KVM_HC_MAP_GPA_RANGE). The content is not copied:
 * the previous memory is released to the host, and reads as zeros when it is used
 * again. If shared memory has huge pages, only whole huge pages are released; parts of
 * others are cleared. -EINVAL: not whole pages, outside the region, or a
 * block without private=on; -EOPNOTSUPP: KVM has no memory attributes.
 */
VMEM_API int vmem_kvm_convert(int vm_fd, const struct vmem_region *region,
			      uint64_t off, uint64_t len, bool to_private,
			      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
