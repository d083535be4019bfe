/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The architecture of guest and host: functions that each folder of vmm/arch has, of which
 * configure builds one. Addresses and interrupts are in target/layout.h.
 *
 * Threads: the main thread, while no CPU runs, except where a function names another.
 */
#ifndef VMM_ARCH_H
#define VMM_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "kvm/kvm.h"

struct kvm_irq_routing_entry;

/* ------------------------------------------------------------------- the VM */

/*
 * The type of a VM for KVM_CREATE_VM. -EOPNOTSUPP: KVM has none with private memory.
 */
int vmm_arch_vm_type(const struct vmm_kvm *kvm, bool private_memory, unsigned long *type,
		     struct vsu_error *err);

/* Adds the interrupt controllers to a new VM. -EOPNOTSUPP: a missing capability, which err names. */
int vmm_arch_vm_init(struct vmm_kvm *kvm, struct vsu_error *err);

/* Enables what speeds the VM up, and with private memory what the guest converts it by. */
void vmm_arch_vm_tune(struct vmm_kvm *kvm, bool private_memory);

/*
 * Fills the routes that the interrupt controllers have before the first message of a device:
 * up to VMM_FIXED_ROUTES. Their number. Any thread.
 */
unsigned int vmm_arch_fixed_routes(struct kvm_irq_routing_entry *entries);

/* KVM refuses this address of a message, whatever its data. Any thread. */
bool vmm_arch_msi_is_refused(uint64_t address);

#endif
