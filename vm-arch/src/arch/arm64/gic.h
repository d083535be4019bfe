/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's GICv3 and, if it has one, the ITS for messages of devices. On hosts with a GICv2 only,
 * KVM's GICv2, which has no messages and up to 8 CPUs.
 *
 * Threads: as <vm-arch/arch.h>.
 */
#ifndef VARCH_ARM64_GIC_H
#define VARCH_ARM64_GIC_H

#include <stdbool.h>

#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>

/* Indexes of kvm->chips. */
enum varch_gic_chip { VARCH_GIC, VARCH_ITS };

/* Creates them before the first CPU, and sets kvm->gic. -EOPNOTSUPP: KVM has neither. */
int varch_gic_make(struct varch_vm *kvm, struct vsu_error *err);

/* Called after the last CPU, and before the first interrupt is connected. */
int varch_gic_begin(const struct varch_vm *kvm, struct vsu_error *err);

bool varch_gic_has_its(const struct varch_vm *kvm);

#endif
