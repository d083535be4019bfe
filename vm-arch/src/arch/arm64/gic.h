/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's GICv3 and, if it has one, the ITS for messages of devices. On hosts with a GICv2 only,
 * KVM's GICv2, which has no messages and up to 8 CPUs.
 *
 * Threads: as arch/arch.h.
 */
#ifndef VMM_ARM64_GIC_H
#define VMM_ARM64_GIC_H

#include <stdbool.h>

#include <vm-arch/kvm.h>
#include <vmm-sys-util/error.h>

/* Indexes of kvm->chips. */
enum vmm_gic_chip { VMM_GIC, VMM_ITS };

/* Creates them before the first CPU, and sets kvm->gic. -EOPNOTSUPP: KVM has neither. */
int vmm_gic_make(struct vmm_kvm *kvm, struct vsu_error *err);

/* After the last CPU, and before the first interrupt is connected. */
int vmm_gic_begin(const struct vmm_kvm *kvm, struct vsu_error *err);

bool vmm_gic_has_its(const struct vmm_kvm *kvm);

#endif
