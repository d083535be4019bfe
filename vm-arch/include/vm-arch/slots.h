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
 * addresses (merged or split), the VM's CPUs are paused, so that no access hits
 * the gap.
 *
 * Threads: the main thread, except for the log.
 */
#ifndef VARCH_SLOTS_H
#define VARCH_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/vm.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* One bit of words for each page of 4 KiB from gpa on. */
typedef void (*varch_slots_log_fn)(void *opaque, uint64_t gpa,
				 const uint64_t *words, uint64_t npages);

struct varch_slots;

VARCH_API int varch_slots_new(const struct varch_vm *kvm, struct varch_slots **out) VSU_NODISCARD;

/* Removes all slots. */
VARCH_API void varch_slots_free(struct varch_slots *slots);

/*
 * Makes the slots represent map. On failure the previous ones are restored, and
 * map is not referenced. -ENOSPC: KVM supports too few slots.
 */
VARCH_API int varch_slots_apply(struct varch_slots *slots, struct vmem_map *map,
		    struct vsu_error *err) VSU_NODISCARD;

/*
 * Makes KVM log which pages the guest writes, or ends that; the log of a slot that apply
 * removes is lost. Any thread. -EOPNOTSUPP: memory with a private half.
 */
VARCH_API int varch_slots_log(struct varch_slots *slots, bool on, struct vsu_error *err) VSU_NODISCARD;

/*
 * Reads and clears KVM's log: calls fn for each slot, with the pages written since
 * the last call. Thread as above.
 */
VARCH_API int varch_slots_harvest(struct varch_slots *slots, varch_slots_log_fn fn,
		      void *opaque, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
