/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How much of a block is present, without looking at every page. */
#ifndef VMM_POPULATED_H
#define VMM_POPULATED_H

#include <stdint.h>

#include <vm-memory/block.h>

/*
 * How many bytes of the block are present now. Of private memory those are
 * the pages of its own, not the file's pages that it still reads; of shared
 * and read-only memory those of the file, whoever brought them in. The time
 * it takes does not grow with the block.
 */
uint64_t vmm_populated(const struct vmem_block *block);

#endif
