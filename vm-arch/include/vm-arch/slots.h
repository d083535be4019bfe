/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's memory slots: the difference between two maps of the guest becomes
 * calls that remove and add slots.
 *
 * Adjacent regions share a slot if they have the same block, or the same file
 * at contiguous offsets, contiguous host addresses and the same permissions.
 * Memory with a private half is one slot with both: the host address for the
 * shared half, the guest_memfd for the private one. A slot holds references on
 * its blocks. If a visible slot must be replaced by another one at the same
 * addresses (merged or split), the CPUs are paused, so that no access hits the
 * gap.
 *
 * Threads: the main thread, except for the log.
 */
#ifndef VMM_SLOTS_H
#define VMM_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/cpus.h>
#include <vm-arch/kvm.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/* One bit of words for each page of 4 KiB from gpa on. */
typedef void (*vmm_slots_log_fn)(void *opaque, uint64_t gpa,
				 const uint64_t *words, uint64_t npages);

struct vmm_slots;

int vmm_slots_new(const struct vmm_kvm *kvm, struct vmm_slots **out);

/* Removes all slots. */
void vmm_slots_free(struct vmm_slots *slots);

/* The CPUs to pause; NULL while none runs. */
void vmm_slots_set_cpus(struct vmm_slots *slots, struct vmm_cpus *cpus);

/*
 * Makes the slots represent map. On failure the previous ones are restored, and
 * map is not referenced. -ENOSPC: KVM supports too few slots.
 */
int vmm_slots_apply(struct vmm_slots *slots, struct vmem_map *map,
		    struct vsu_error *err);

/*
 * Makes KVM log which pages the guest writes, or ends that; the log of a slot that apply
 * removes is lost. Any thread. -EOPNOTSUPP: memory with a private half.
 */
int vmm_slots_log(struct vmm_slots *slots, bool on, struct vsu_error *err);

/*
 * Reads and clears KVM's log: calls fn for each slot, with the pages written since
 * the last call. Thread as above.
 */
int vmm_slots_harvest(struct vmm_slots *slots, vmm_slots_log_fn fn,
		      void *opaque, struct vsu_error *err);

unsigned int vmm_slots_count(const struct vmm_slots *slots);

#endif
