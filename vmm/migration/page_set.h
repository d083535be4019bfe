/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pages of the guest's memory that are still to be sent: one bit for each 4 KiB.
 *
 * Threads: confined, except for parts (vmm_page_cursor).
 */
#ifndef VMM_MIGRATION_PAGE_SET_H
#define VMM_MIGRATION_PAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/dirty_log.h>
#include <vm-arch/slots.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "memory/memory.h"
#include "memory/windows.h"

#define VMM_SET_PAGE UINT64_C(4096)
/* Bytes of a region, from its beginning, that one connection of several sends. */
#define VMM_SET_BLOCK (UINT64_C(2) << 20)

/* A region of the guest's memory. */
struct vmm_page_span {
	const struct vmem_region *region; /* borrowed from the map */
	uint64_t gpa, len;
	const unsigned char *hva;
	uint64_t npages;
	uint64_t *words;
};

struct vmm_page_set {
	struct vmm_page_span *span; /* sorted by address */
	unsigned int n;
	uint64_t npages;	/* that are set; atomic while parts are visited */
};

/* A run of pages; len may be less at the end of a region. */
struct vmm_page_run {
	const struct vmm_page_span *span;
	uint64_t offset, len;
};

/*
 * With all pages of memory and of plugged memory in windows (or NULL), but without those of
 * some pieces of memory (a bit mask of numbers). The map must live as long. Free it in each
 * case.
 */
int vmm_page_set_init(struct vmm_page_set *set, const struct vmm_memory *memory,
		      const struct vmm_windows *windows, uint64_t without, const struct vmem_map *map,
		      struct vsu_error *err);
void vmm_page_set_free(struct vmm_page_set *set);

/* Adds the pages of a range, as far as they are memory. */
void vmm_page_set_add(struct vmm_page_set *set, uint64_t gpa, uint64_t len);

/* Removes all pages. */
void vmm_page_set_clear(struct vmm_page_set *set);

/* The span of an address, or NULL. */
const struct vmm_page_span *vmm_page_set_find(const struct vmm_page_set *set,
					      uint64_t gpa);
bool vmm_page_set_has(const struct vmm_page_set *set, uint64_t gpa);

/* Adds what KVM and our devices have logged since the last call. */
int vmm_page_set_harvest(struct vmm_page_set *set,
			 struct varch_slots *slots, struct vmem_map *map,
			 struct vsu_error *err);

/* Adds what other processes have logged since the last call. */
void vmm_page_set_add_log(struct vmm_page_set *set,
			  const struct vhost_dirty_log *log);

/*
 * A position in the set: begins at page 0. With several parts only the blocks of one are
 * visited; parts may be visited by several threads at the same time.
 */
struct vmm_page_cursor {
	uint64_t page;		/* all spans' pages, one span behind the other */
	unsigned int part, parts; /* parts 0: one */
};

/* The cursor's page for a byte of a span. */
uint64_t vmm_page_set_position(const struct vmm_page_set *set,
			       const struct vmm_page_span *span, uint64_t offset);

/* The part to which a page of a span belongs. */
static inline unsigned int vmm_page_part(uint64_t offset, unsigned int parts)
{
	return parts ? (unsigned int)(offset / VMM_SET_BLOCK % parts) : 0;
}

/*
 * Removes and returns the next pages from the cursor on, up to max bytes of adjacent
 * ones. False: the end was reached.
 */
bool vmm_page_set_next(struct vmm_page_set *set, struct vmm_page_cursor *cursor,
		       uint64_t max, struct vmm_page_run *run);

/* Removes the pages of a run. */
void vmm_page_set_remove(struct vmm_page_set *set,
			 const struct vmm_page_run *run);

#endif
