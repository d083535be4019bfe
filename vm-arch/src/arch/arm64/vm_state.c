/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a VM: its interrupt controllers. The clock is a register of the CPUs. */
#include <config.h>

#include <vm-arch/arch.h>

#include "arch/arm64/gic_state.h"

int vmm_arch_vm_save(const struct vmm_kvm *kvm, struct vmm_state_writer *w, struct vsu_error *err)
{
	return vmm_gic_save(kvm, w, err);
}

int vmm_arch_vm_load(const struct vmm_kvm *kvm, const struct vmm_state *state, struct vsu_error *err)
{
	return vmm_gic_load(kvm, state, err);
}

int vmm_arch_vm_load_last(const struct vmm_kvm *kvm, const struct vmm_state *state,
			  struct vsu_error *err)
{
	return vmm_gic_load_its(kvm, state, err);
}
