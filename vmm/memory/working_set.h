/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The working set of a machine that continues from a folder: the parts of the file
 * "memory" whose pages this process has used. It is kept as a state (<vmm-sys-util/state.h>)
 * with one section, "working-set".
 *
 * Threads: any, one at a time for each object.
 */
#ifndef VMM_MEMORY_WORKING_SET_H
#define VMM_MEMORY_WORKING_SET_H

#include <vmm-sys-util/state.h>

#include "memory/memory.h"

/* Positions in the file: multiples of 4 KiB, ascending, not overlapping. */
struct vmm_working_range {
	uint64_t at, len;
};

struct vmm_working_set {
	struct vmm_working_range *ranges;	/* for free() */
	size_t n, room;
	uint64_t bytes;				/* of all ranges */
	uint64_t page;				/* of this host, once it is recorded */
};

/*
 * Collects the pages of the regions' private memory that are present or swapped out.
 * pagemap: /proc/self/pagemap; stop: atomic, ends it with -ECANCELED.
 */
int vmm_working_set_record(struct vmm_working_set *set, const struct vmm_memory *memory,
			   const struct vmem_map *map, int pagemap, const bool *stop,
			   struct vsu_error *err);

/* w is zeroed, and freed by the caller. */
int vmm_working_set_put(const struct vmm_working_set *set, struct vsu_state_writer *w,
			struct vsu_error *err);

/*
 * Reads a set from untrusted bytes; size is that of the file "memory". -EBADMSG: ranges that are
 * impossible; or as vsu_state_check(). The set is empty after a failure.
 */
int vmm_working_set_get(struct vmm_working_set *set, const struct vsu_state *state,
			uint64_t size, struct vsu_error *err);

void vmm_working_set_free(struct vmm_working_set *set);

#endif
