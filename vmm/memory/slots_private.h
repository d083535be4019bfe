/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The list of slots: of slots.c, and of the log of written pages. */
#ifndef VMM_SLOTS_PRIVATE_H
#define VMM_SLOTS_PRIVATE_H

#include <pthread.h>

#include "memory/slot.h"
#include "memory/slots.h"

struct vmm_slots {
	const struct vmm_kvm *kvm;
	struct vmm_cpus *cpus;
	struct vmem_map *map;	/* the map that the slots represent; holds its blocks */
	struct vmm_slot_list now;	/* sorted by address */
	bool logs;		/* KVM logs which pages are written */
	pthread_mutex_t lock;	/* of now and logs: a migration reads the log in its thread */
};

/* Adds the slot to KVM, or changes its flags; size is its length, or 0 to remove it. */
int vmm_slot_set(const struct vmm_slots *slots, const struct vmm_slot *s,
		 uint64_t size);

#endif
