/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pages of the guest's memory that are still to be sent: one bit for each 4 KiB.
 *
 * Threads: confined.
 */
#ifndef VMM_MIGRATION_PAGE_SET_H
#define VMM_MIGRATION_PAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "memory/memory.h"
#include "memory/slots.h"

#define VMM_SET_PAGE UINT64_C(4096)

/* A region of the guest's memory. */
struct vmm_page_span {
	const struct vmem_region *region; /* borrowed from the map */
	uint64_t gpa, len;
	const unsigned char *hva;
	uint64_t npages;
	uint64_t *words;
};

struct vmm_page_set {
	struct vmm_page_span span[VMM_LAYOUT_MAX];
	unsigned int n;
	uint64_t npages;	/* that are set */
};

/* A run of pages; len may be less at the end of a region. */
struct vmm_page_run {
	const struct vmm_page_span *span;
	uint64_t offset, len;
};

/* With all pages. The map must live as long. Free it in each case. */
int vmm_page_set_init(struct vmm_page_set *set, const struct vmm_memory *memory,
		      const struct vmem_map *map, struct vsu_error *err);
void vmm_page_set_free(struct vmm_page_set *set);

/* Adds the pages of a range, as far as they are memory. */
void vmm_page_set_add(struct vmm_page_set *set, uint64_t gpa, uint64_t len);

/* Adds what KVM and our devices have logged since the last call. */
int vmm_page_set_harvest(struct vmm_page_set *set,
			 const struct vmm_slots *slots, struct vmem_map *map,
			 struct vsu_error *err);

/*
 * Removes and returns the next pages from *cursor on, up to max bytes of adjacent ones.
 * A cursor begins with 0. False: the end was reached.
 */
bool vmm_page_set_next(struct vmm_page_set *set, uint64_t *cursor, uint64_t max,
		       struct vmm_page_run *run);

/* Removes the pages of a run. */
void vmm_page_set_remove(struct vmm_page_set *set,
			 const struct vmm_page_run *run);

#endif
