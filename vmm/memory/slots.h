/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's memory slots: the difference between two maps of the guest becomes
 * calls that remove and add slots.
 *
 * Neighbours of the same block, or of the same file at contiguous offsets,
 * with contiguous host addresses and the same permissions share one slot.
 * Memory with a private half is one slot of both: the host address for what is
 * shared, the guest_memfd for what is not.
 * A slot keeps the blocks behind it. Where a slot that the guest can see has
 * to be replaced by another over the same addresses (neighbours merged or
 * parted), the CPUs are paused so that no access falls into the gap.
 *
 * Threads: the main thread.
 */
#ifndef VMM_SLOTS_H
#define VMM_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "cpu/cpus.h"
#include "kvm/kvm.h"

struct vmm_slots;

int vmm_slots_new(const struct vmm_kvm *kvm, struct vmm_slots **out);

/* Removes all slots. */
void vmm_slots_free(struct vmm_slots *slots);

/* Whom to pause; NULL while none runs. */
void vmm_slots_set_cpus(struct vmm_slots *slots, struct vmm_cpus *cpus);

/*
 * Makes the slots those of map. On failure the former ones are restored
 * and nothing of map is kept. -ENOSPC when KVM has too few slots.
 */
int vmm_slots_apply(struct vmm_slots *slots, struct vmem_map *map,
		    struct vsu_error *err);

unsigned int vmm_slots_count(const struct vmm_slots *slots);

/* KVM's flags for a region: KVM_MEM_READONLY, KVM_MEM_GUEST_MEMFD. */
uint32_t vmm_slot_flags(const struct vmem_region *region);

#endif
