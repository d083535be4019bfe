/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Facts about blocks for a program that gives them to KVM as memory slots.
 * This library makes no slots and needs no KVM; the virtual machine's
 * fd is always the caller's.
 *
 *   plain slot   the host address of the block (KVM_SET_USER_MEMORY_REGION);
 *                dirty logging and read-only slots work
 *   bound slot   the block's guest_memfd itself (..._REGION2 with
 *                KVM_MEM_GUEST_MEMFD and vmem_block_file_pos()); immutable,
 *                no dirty log
 *   two layers   a plain mapping for what the guest shares, and a second
 *                guest_memfd for what it keeps to itself
 *
 * A slot holds no reference on the file: keep the block until it is deleted.
 *
 * Threads: the caller orders conversions of one range.
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

/* True when the block was made with slot=bound. */
VMEM_API bool vmem_block_is_bound(const struct vmem_block *block);

/*
 * The guest_memfd of the private half, borrowed, whose byte n is byte n of the
 * block; -1 for a block without one.
 */
VMEM_API int vmem_block_private_fd(const struct vmem_block *block);

/*
 * Makes [off, off + len) of the region private to the guest, or shared again,
 * and gives the pages of the half that is left back to the host, as far as
 * they are whole (those of the shared half may be huge). Contents do not move.
 * The answer to KVM_EXIT_MEMORY_FAULT. -EOPNOTSUPP where KVM has no memory
 * attributes.
 */
VMEM_API int vmem_kvm_convert(int vm_fd, const struct vmem_region *region,
			      uint64_t off, uint64_t len, bool to_private,
			      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
