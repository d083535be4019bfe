/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A set of guest addresses as a sorted list of ranges that neither overlap nor
 * touch. The guest chooses the ranges, so their number is bounded.
 *
 * Threads: confined to one thread.
 */
#ifndef VMM_PRIVATE_RANGES_H
#define VMM_PRIVATE_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#define VMM_PRIVATE_MAX_RANGES 1024u

struct vmm_private_range {
	uint64_t gpa, len;
};

/* Empty if all zero. */
struct vmm_private_ranges {
	struct vmm_private_range *at;	/* n of them; NULL: n is 0 */
	unsigned int n;
};

/*
 * Adds or removes [gpa, gpa + len), which must not be empty and must not exceed 64
 * bits. -E2BIG: more than VMM_PRIVATE_MAX_RANGES; -ENOMEM. On failure nothing changes.
 */
int vmm_private_ranges_set(struct vmm_private_ranges *r, uint64_t gpa,
			   uint64_t len, bool in);

/* Replaces *r by a copy of from. -ENOMEM: nothing changes. */
int vmm_private_ranges_copy(struct vmm_private_ranges *r,
			    const struct vmm_private_ranges *from);

/* The number of bytes of [gpa, gpa + len) that are in the set. */
uint64_t vmm_private_ranges_count(const struct vmm_private_ranges *r,
				  uint64_t gpa, uint64_t len);

/* The range that contains gpa, or NULL. */
const struct vmm_private_range *vmm_private_ranges_find(
		const struct vmm_private_ranges *r, uint64_t gpa);

void vmm_private_ranges_free(struct vmm_private_ranges *r);

#endif
