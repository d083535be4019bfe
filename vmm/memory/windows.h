/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Windows: the shared memory regions of devices in the guest's address space,
 * and the pieces of files that back-ends put there.
 *
 * A window is empty until something is mapped: a read gives all-ones, a store
 * is dropped. Each mapping becomes a region of the guest's map and, neighbours
 * merged, a memory slot; a read-only one drops stores.
 *
 * Threads: the main thread.
 */
#ifndef VMM_SHMEM_H
#define VMM_SHMEM_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/shmem.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "memory/memory.h"
#include "memory/slots.h"

#define VMM_MAX_WINDOWS 16	/* of all devices together */

struct vmm_window {
	uint64_t gpa, len;
	const void *owner;	/* whoever maps into it */
	uint8_t shmid;
};

struct vmm_shmem {
	struct vmm_memory *memory;
	struct vmm_slots *slots;
	unsigned int phys_bits;
	uint64_t next;		/* where the next window may begin */
	struct vmm_window windows[VMM_MAX_WINDOWS];
	unsigned int n;
	uint64_t drops;		/* mappings taken away by drop_short, ever */
	/* The map changed: queues let go of the former one. */
	void (*changed)(void *opaque);
	void *opaque;
};

/* Makes a window of len bytes. */
int vmm_shmem_add_window(struct vmm_shmem *s, const void *owner,
			 uint8_t shmid, uint64_t len, struct vsu_error *err);

/* The owner's window of that id, or NULL. */
const struct vmm_window *vmm_shmem_window(const struct vmm_shmem *s,
					  const void *owner, uint8_t shmid);

/*
 * Carries out changes that a back-end asked for and sets their results. The
 * guest sees them when this returns.
 */
void vmm_shmem_change(struct vmm_shmem *s, const void *owner,
		      struct vhost_user_shmem_change *changes, unsigned int n);

/*
 * Takes mappings away whose file no longer reaches to their end: what a CPU
 * would fault on inside KVM becomes a hole. Their back-end may unmap them all
 * the same. s->drops counts them.
 */
void vmm_shmem_drop_short(struct vmm_shmem *s);

/*
 * The guest's memory as a back-end is told about it: without the windows of
 * its own (owner), and with or without those of others. The caller drops it.
 */
int vmm_shmem_map_for(const struct vmm_shmem *s, const void *owner,
		      bool with_others, struct vmem_map **out);

#endif
