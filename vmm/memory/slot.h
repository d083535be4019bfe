/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One of KVM's memory slots, a list of them, and the log of its written pages. */
#ifndef VMM_SLOT_H
#define VMM_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm/uapi.h"

/* A slot as KVM receives it; the id is assigned later. */
struct vmm_slot {
	uint64_t gpa, len, hva, file_pos;
	uint32_t flags, id;
	int fd;			/* the file's descriptor, borrowed; or -1 */
};

struct vmm_slot_list {
	struct vmm_slot *slot;
	unsigned int n;
};

/* One bit of words for each page of 4 KiB from gpa on. */
typedef void (*vmm_slots_log_fn)(void *opaque, uint64_t gpa,
				 const uint64_t *words, uint64_t npages);

/* The guest does not write to it, or KVM has no log of it. */
static inline bool vmm_slot_is_unlogged(const struct vmm_slot *s)
{
	return s->flags & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD);
}

#endif
