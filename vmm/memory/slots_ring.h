/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The log of written pages from KVM's dirty rings, as a bitmap for each slot.
 *
 * Threads: the lock of the slots guards their list; a lock of its own guards rings and
 * bitmaps. A CPU whose ring is full takes only the latter, because a thread that holds the
 * lock of the slots may be waiting for that CPU.
 */
#ifndef VMM_SLOTS_RING_H
#define VMM_SLOTS_RING_H

#include <vmm-sys-util/error.h>

#include "kvm/kvm.h"
#include "memory/slot.h"

struct vmm_slots_ring;

int vmm_slots_ring_new(const struct vmm_kvm *kvm, struct vmm_slots_ring **out);
void vmm_slots_ring_free(struct vmm_slots_ring *ring);
int vmm_slots_ring_add(struct vmm_slots_ring *ring, int cpu_fd, struct vsu_error *err);

/* Allocates empty bitmaps for slots that have none. Call it before KVM logs them. */
int vmm_slots_ring_prepare(struct vmm_slots_ring *ring, const struct vmm_slot_list *list);

/* Frees all bitmaps: entries are ignored until vmm_slots_ring_prepare(). */
void vmm_slots_ring_forget(struct vmm_slots_ring *ring);

/* Moves the entries of all rings to the bitmaps. */
int vmm_slots_ring_collect(struct vmm_slots_ring *ring);

/* Calls fn with the bitmap of a slot, which is empty afterwards. */
int vmm_slots_ring_read(struct vmm_slots_ring *ring, const struct vmm_slot *s,
			vmm_slots_log_fn fn, void *opaque);

#endif
