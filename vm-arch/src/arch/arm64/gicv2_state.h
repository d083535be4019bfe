/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of KVM's GICv2: the part of gic_state.h for machines that have it.
 *
 * Threads: as <vm-arch/arch.h>.
 */
#ifndef VARCH_ARM64_GICV2_STATE_H
#define VARCH_ARM64_GICV2_STATE_H

#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

/* Section "gicv2". */
int varch_gicv2_save(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err);
int varch_gicv2_load(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err);

/* Within the section of a CPU. */
int varch_gicv2_save_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_writer *w,
		       struct vsu_error *err);
int varch_gicv2_load_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_fields *f,
		       struct vsu_error *err);

#endif
