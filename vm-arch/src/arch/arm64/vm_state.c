/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a VM: its interrupt controllers. The clock is a register of the CPUs. */
#include <config.h>

#include <vm-arch/arch.h>

#include "arch/arm64/gic_state.h"
#include "arch/own.h"

int varch_vm_save(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err)
{
	return varch_gic_save(kvm, w, err);
}

int varch_vm_load(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err)
{
	return varch_gic_load(kvm, state, err);
}

int varch_vm_load_last(const struct varch_vm *kvm, const struct vsu_state *state,
			  struct vsu_error *err)
{
	return varch_gic_load_its(kvm, state, err);
}
