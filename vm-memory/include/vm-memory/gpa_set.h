/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A set of guest addresses, such as those of private memory, as a sorted list of ranges that
 * neither overlap nor touch. A guest may choose the ranges, so their number is bounded.
 *
 * Threads: confined to one thread.
 */
#ifndef VM_MEMORY_GPA_SET_H
#define VM_MEMORY_GPA_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/attributes.h>

VSU_BEGIN_DECLS

#define VMEM_GPA_SET_MAX 1024u

struct vmem_gpa_range {
	uint64_t gpa, len;
};

/* Empty if all zero. Any code may read the members. */
struct vmem_gpa_set {
	struct vmem_gpa_range *at;	/* n of them; NULL: n is 0 */
	unsigned int n;
};

/*
 * Adds or removes [gpa, gpa + len), which must not be empty and must not exceed 64
 * bits. -E2BIG: more than VMEM_GPA_SET_MAX ranges; -ENOMEM. On failure nothing changes.
 */
VMEM_API int vmem_gpa_set_change(struct vmem_gpa_set *set, uint64_t gpa, uint64_t len,
				 bool in) VSU_NODISCARD;

/* Replaces *set by a copy of from. -ENOMEM: nothing changes. */
VMEM_API int vmem_gpa_set_copy(struct vmem_gpa_set *set, const struct vmem_gpa_set *from) VSU_NODISCARD;

/* The number of bytes of [gpa, gpa + len) that are in the set. */
VMEM_API uint64_t vmem_gpa_set_count(const struct vmem_gpa_set *set, uint64_t gpa, uint64_t len);

/* The range that contains gpa, or NULL. */
VMEM_API const struct vmem_gpa_range *vmem_gpa_set_find(const struct vmem_gpa_set *set, uint64_t gpa);

VMEM_API void vmem_gpa_set_free(struct vmem_gpa_set *set);

VSU_END_DECLS

#endif
