/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Access to registers of KVM's interrupt controllers, one by one or by rows of a table.
 *
 * Threads: as <vm-arch/arch.h>.
 */
#ifndef VARCH_ARM64_GIC_ROWS_H
#define VARCH_ARM64_GIC_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

#include "arch/arm64/gic.h"

/* Words of n registers, one behind the other. */
struct varch_gic_row {
	uint32_t group, at, n;
};

#define VARCH_GIC_ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* call: KVM_GET_DEVICE_ATTR or KVM_SET_DEVICE_ATTR. */
int varch_gic_call(const struct varch_vm *kvm, enum varch_gic_chip chip, unsigned long call,
		 uint32_t group, uint64_t at, void *value);

/* Reports the failure of varch_gic_call(), "GET" or "SET", at a register of a part. */
int varch_gic_failed(const char *call, const char *part, uint64_t at, int rc, struct vsu_error *err);

/* cpu: whose registers they are, the affinity in a GICv3, the number in a GICv2; 0 for shared ones. */
int varch_gic_save_rows(const struct varch_vm *kvm, const struct varch_gic_row *rows, size_t n, uint64_t cpu,
		      struct vsu_state_writer *w, struct vsu_error *err);
int varch_gic_load_rows(const struct varch_vm *kvm, const struct varch_gic_row *rows, size_t n, uint64_t cpu,
		      struct vsu_state_fields *f, struct vsu_error *err);

#endif
