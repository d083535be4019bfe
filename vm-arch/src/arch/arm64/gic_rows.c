/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads and writes registers of KVM's interrupt controllers. */
#include <config.h>

#include <inttypes.h>

#include "arch/arm64/gic_rows.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

#define CPU_SHIFT 32	/* of KVM_DEV_ARM_VGIC_CPUID_MASK and KVM_DEV_ARM_VGIC_V3_MPIDR_MASK */

int varch_gic_call(const struct varch_vm *kvm, enum varch_gic_chip chip, unsigned long call,
		 uint32_t group, uint64_t at, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = at, .addr = (uintptr_t)value };

	return varch_ioctl(kvm->chips[chip], call, &a);
}

int varch_gic_failed(const char *call, const char *part, uint64_t at, int rc, struct vsu_error *err)
{
	return vsu_error_sys(err, rc, "KVM_%s_DEVICE_ATTR of the %s, register %#" PRIx64, call, part, at);
}

/* The name of a word. Levels are named by interrupts, in a field of their own. */
static uint64_t row_at(const struct varch_gic_row *r, uint32_t i, uint64_t cpu)
{
	const uint64_t step = r->group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO ? 32 : 4;

	return cpu << CPU_SHIFT | (r->at + i * step);
}

int varch_gic_save_rows(const struct varch_vm *kvm, const struct varch_gic_row *rows, size_t n, uint64_t cpu,
		      struct vsu_state_writer *w, struct vsu_error *err)
{
	const struct varch_gic_row *r;
	uint32_t value, i;
	int rc = 0;

	for (r = rows; r < rows + n; r++)
		for (i = 0; i < r->n; i++) {
			rc = varch_gic_call(kvm, VARCH_GIC, KVM_GET_DEVICE_ATTR, r->group, row_at(r, i, cpu), &value);
			if (rc < 0)
				return varch_gic_failed("GET", "GIC", row_at(r, i, cpu), rc, err);
			vsu_state_put_u32(w, value);
		}
	return 0;
}

int varch_gic_load_rows(const struct varch_vm *kvm, const struct varch_gic_row *rows, size_t n, uint64_t cpu,
		      struct vsu_state_fields *f, struct vsu_error *err)
{
	const struct varch_gic_row *r;
	uint32_t value, i;
	int rc = 0;

	for (r = rows; r < rows + n; r++)
		for (i = 0; i < r->n; i++) {
			value = vsu_state_get_u32(f);
			rc = varch_gic_call(kvm, VARCH_GIC, KVM_SET_DEVICE_ATTR, r->group, row_at(r, i, cpu), &value);
			if (rc < 0)
				return varch_gic_failed("SET", "GIC", row_at(r, i, cpu), rc, err);
		}
	return 0;
}
