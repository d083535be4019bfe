/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's dirty rings: each CPU has one in shared memory, with an entry for each page that
 * the CPU has written. Collecting entries makes KVM protect these pages again. A CPU whose
 * ring is full leaves the guest (KVM_EXIT_DIRTY_RING_FULL) until its entries are collected.
 *
 * Threads: one at a time.
 */
#ifndef VMM_DIRTY_RING_H
#define VMM_DIRTY_RING_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "kvm/kvm.h"

struct vmm_dirty_rings;

/*
 * Gives each CPU that is made later a ring with this number of entries, a power of 2.
 * -EOPNOTSUPP: KVM has no rings, or smaller ones.
 */
int vmm_dirty_rings_enable(struct vmm_kvm *kvm, unsigned int entries,
			   struct vsu_error *err);

/* Rings of no CPU yet. */
int vmm_dirty_rings_new(const struct vmm_kvm *kvm, struct vmm_dirty_rings **out);
void vmm_dirty_rings_free(struct vmm_dirty_rings *rings);

/* Maps the ring of a CPU. */
int vmm_dirty_rings_add(struct vmm_dirty_rings *rings, int cpu_fd,
			struct vsu_error *err);

/* A page that a CPU has written: its slot's number, and the page's in the slot. */
typedef void (*vmm_dirty_page_fn)(void *opaque, uint32_t slot, uint64_t page);

/*
 * Calls fn for the entries of all rings, and frees them. A store to such a page that
 * follows makes a new entry. Returns 0 or the error of KVM_RESET_DIRTY_RINGS; -EIO:
 * KVM does not reset them.
 */
int vmm_dirty_rings_collect(struct vmm_dirty_rings *rings, vmm_dirty_page_fn fn,
			    void *opaque);

#endif
