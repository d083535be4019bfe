/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A region: a piece of a block at a guest address.
 *
 * One block may appear as several regions (around the hole below 4 GiB), at
 * two guest addresses, or at none. A region holds a reference on its block.
 *
 * Threads: immutable after construction, shareable; ref and unref from any
 * thread.
 */
#ifndef VM_MEMORY_REGION_H
#define VM_MEMORY_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/block.h>
#include <vm-memory/dirty.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_region;

/* Fixed layout. Initialize it by member names; all members but block may be 0. */
struct vmem_region_desc {
	struct vmem_block *block; /* borrowed; referenced */
	uint64_t offset;	/* where in the block the region begins */
	uint64_t gpa;		/* guest address; any, need not be aligned */
	uint64_t len;		/* bytes, in the block; 0: up to its end */
	uint32_t flags;		/* VMEM_REGION_* */
	uint32_t dirty_page_shift; /* not 0: with a dirty bitmap (12: 4 KiB) */
};

#define VMEM_REGION_ROM		0x1u	/* the guest may only read it */

/*
 * -EINVAL: the piece is empty or exceeds the block, or gpa + len - 1 overflows. A
 * region of a ROM block is ROM even without the flag.
 */
VMEM_API int vmem_region_new(const struct vmem_region_desc *desc,
			     struct vmem_region **out, struct vsu_error *err)
	VSU_NODISCARD;
VMEM_API struct vmem_region *vmem_region_ref(struct vmem_region *region);
VMEM_API struct vmem_region *vmem_region_unref(struct vmem_region *region);

VMEM_API struct vmem_block *vmem_region_block(const struct vmem_region *region);
VMEM_API uint64_t vmem_region_offset(const struct vmem_region *region);
VMEM_API uint64_t vmem_region_gpa(const struct vmem_region *region);
VMEM_API uint64_t vmem_region_len(const struct vmem_region *region);
VMEM_API unsigned char *vmem_region_hva(const struct vmem_region *region);
VMEM_API bool vmem_region_is_rom(const struct vmem_region *region);

/* Its bitmap, or NULL; lives as long as the region. */
VMEM_API struct vmem_dirty *vmem_region_dirty(const struct vmem_region *region);

/* Position in the file of byte off of the region. */
VMEM_API uint64_t vmem_region_file_pos(const struct vmem_region *region,
				       uint64_t off);

VSU_END_DECLS

#endif
