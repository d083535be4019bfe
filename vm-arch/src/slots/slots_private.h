/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The slots that KVM has.
 *
 * Threads: as slots.h.
 */
#ifndef VARCH_SLOTS_PRIVATE_H
#define VARCH_SLOTS_PRIVATE_H

#include <pthread.h>

#include <vm-arch/slots.h>

/* A slot as KVM receives it; the id is assigned later. */
struct varch_slot {
	uint64_t gpa, len, hva, file_pos;
	uint32_t flags, id;
	int fd;			/* the file's descriptor, borrowed; or -1 */
};

struct slot_list {
	struct varch_slot *slot;
	unsigned int n;
};

struct varch_slots {
	const struct varch_vm *kvm;
	struct vmem_map *map;	/* the map that the slots represent; holds its blocks */
	struct slot_list now;	/* sorted by address */
	bool logs;		/* KVM logs which pages are written */
	pthread_mutex_t lock;	/* of now and logs: a migration reads the log in its thread */
};

#endif
