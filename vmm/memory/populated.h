/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Facts about a block for reports: its kind, its slot, and its present bytes. */
#ifndef VMM_POPULATED_H
#define VMM_POPULATED_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/block.h>

/* The name of its memory back-end, as in --memory backend=NAME. */
const char *vmm_block_kind_name(const struct vmem_block *block);

/* The kind of memory slot that KVM gets. */
const char *vmm_block_slot_name(const struct vmem_block *block, bool rom);

/*
 * The number of present bytes. Private memory: the block's own pages, without
 * pages of the file that it still reads. Shared and read-only memory: the
 * file's pages in the page cache. The time does not depend on the block's size.
 */
uint64_t vmm_populated(const struct vmem_block *block);

#endif
