/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of KVM's GIC and ITS: values of registers in the order of tables, so that a state
 * names no register. Messages that are pending, and the tables of the ITS, are in memory of the
 * guest, where KVM writes them.
 *
 * Threads: as <vm-arch/arch.h>.
 */
#ifndef VARCH_ARM64_GIC_STATE_H
#define VARCH_ARM64_GIC_STATE_H

#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

/* Sections "gic" and "its", the latter if there is an ITS; or "gicv2". -EOPNOTSUPP: the state is of the other version. */
int varch_gic_save(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err);
int varch_gic_load(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err);

/* The ITS follows the CPUs and memory. */
int varch_gic_load_its(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err);

/* The part of the GIC that belongs to a CPU, within the section of that CPU. */
int varch_gic_save_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_writer *w,
		     struct vsu_error *err);
int varch_gic_load_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_fields *f,
		     struct vsu_error *err);

#endif
