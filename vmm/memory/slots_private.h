/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The list of slots: of slots.c, and of the log of written pages. */
#ifndef VMM_SLOTS_PRIVATE_H
#define VMM_SLOTS_PRIVATE_H

#include <pthread.h>

#include "kvm/uapi.h"
#include "memory/slots.h"

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

struct vmm_slots_ring;

struct vmm_slots {
	const struct vmm_kvm *kvm;
	struct vmm_cpus *cpus;
	struct vmem_map *map;	/* the map that the slots represent; holds its blocks */
	struct vmm_slot_list now;	/* sorted by address */
	struct vmm_slots_ring *ring; /* replaces KVM's bitmaps; NULL: none */
	bool logs;		/* KVM logs which pages are written */
	pthread_mutex_t lock;	/* of now and logs: a migration reads the log in its thread */
};

/* The guest does not write to it, or KVM has no log of it. */
static inline bool vmm_slot_is_unlogged(const struct vmm_slot *s)
{
	return s->flags & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD);
}

/* Adds the slot to KVM, or changes its flags; size is its length, or 0 to remove it. */
int vmm_slot_set(const struct vmm_slots *slots, const struct vmm_slot *s,
		 uint64_t size);

#endif
