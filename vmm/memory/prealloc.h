/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Populates a block on several threads, in slices.
 *
 * Threads: includes the calling one; the others have ended on return.
 */
#ifndef VMM_PREALLOC_H
#define VMM_PREALLOC_H

#include <stdint.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/thread.h>

/* threads may be NULL. Returns the first failure of vmem_block_populate(), or -ENOMEM. */
int vmm_prealloc(struct vmem_block *block, unsigned int nthreads,
		 const struct vsu_threads *threads, struct vsu_error *err);

#endif
