/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads the file behind private memory ahead of the guest, on a thread: pages become
 * present, and stay shared with other processes until the guest stores to them.
 */
#ifndef VMM_MEMORY_PREFETCH_H
#define VMM_MEMORY_PREFETCH_H

#include "memory/memory.h"

struct vmm_prefetch;

/* The memory lives until vmm_prefetch_free(). Holes of the file are left out. */
int vmm_prefetch_new(const struct vmm_memory *memory, struct vmem_map *map,
		     struct vmm_prefetch **out, struct vsu_error *err);

/* Waits for at most one step of the thread. prefetch may be NULL. */
void vmm_prefetch_free(struct vmm_prefetch *prefetch);

#endif
