/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads the file behind private memory, or the working set in it, ahead of the guest, on
 * a thread: pages become present, and stay shared with other processes until the guest
 * stores to them.
 */
#ifndef VMM_MEMORY_PREFETCH_H
#define VMM_MEMORY_PREFETCH_H

#include "memory/memory.h"
#include "memory/working_set.h"

struct vmm_prefetch;

/*
 * The memory lives until vmm_prefetch_free(). set is
 * taken over, also after a failure; NULL: the whole file, whose holes are left out.
 */
int vmm_prefetch_new(const struct vmm_memory *memory, struct vmem_map *map,
		     struct vmm_working_set *set, struct vmm_prefetch **out,
		     struct vsu_error *err);

/* Waits for at most one step of the thread. prefetch may be NULL. */
void vmm_prefetch_free(struct vmm_prefetch *prefetch);

#endif
