/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a VM except its CPUs: KVM's interrupt controllers and clock.
 *
 * Threads: the main thread, while no CPU runs.
 */
#ifndef VMM_KVM_VM_STATE_H
#define VMM_KVM_VM_STATE_H

#include "kvm/kvm.h"
#include "state/sections.h"

int vmm_kvm_state_save(const struct vmm_kvm *kvm, struct vmm_state_writer *w,
		       struct vsu_error *err);

/* Loads a checked state into a VM whose CPUs have not run. */
int vmm_kvm_state_load(const struct vmm_kvm *kvm,
		       const struct vmm_state *state, struct vsu_error *err);

#endif
