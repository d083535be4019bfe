/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Making all pages of a block present on several threads, slice by slice.
 *
 * Threads: the caller's is one of them; the others are gone on return.
 */
#ifndef VMM_PREALLOC_H
#define VMM_PREALLOC_H

#include <stdint.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

/* Fails as vmem_block_populate() of the first slice that does, or -ENOMEM. */
int vmm_prealloc(struct vmem_block *block, unsigned int nthreads,
		 struct vsu_error *err);

#endif
