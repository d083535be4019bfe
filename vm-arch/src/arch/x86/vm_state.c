/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Saves and loads KVM's interrupt controllers (two PICs, one I/O APIC) and clock. */
#include <config.h>

#include <errno.h>

#include <vm-arch/arch.h>

#include "arch/own.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

#define NCHIPS 3u

static int save_chip(const struct varch_vm *kvm, uint32_t id,
		     struct vsu_state_writer *w, struct vsu_error *err)
{
	struct kvm_irqchip chip = { .chip_id = id };
	int rc = varch_ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &chip);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_GET_IRQCHIP %u", id);
	vsu_state_section(w, "irqchip", id);
	vsu_state_put(w, &chip.chip, sizeof(chip.chip));
	vsu_state_section_end(w);
	return 0;
}

int varch_vm_save(const struct varch_vm *kvm, struct vsu_state_writer *w,
		       struct vsu_error *err)
{
	struct kvm_clock_data clock = { 0 };
	uint32_t i;
	int rc = varch_ioctl(kvm->vm_fd, KVM_GET_CLOCK, &clock);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_GET_CLOCK");
	vsu_state_section(w, "clock", 0);
	vsu_state_put_u64(w, clock.clock);
	vsu_state_section_end(w);
	for (i = 0; rc >= 0 && i < NCHIPS; i++)
		rc = save_chip(kvm, i, w, err);
	return rc;
}

static int load_chip(const struct varch_vm *kvm, uint32_t id,
		     const struct vsu_state *state, struct vsu_error *err)
{
	struct kvm_irqchip chip = { .chip_id = id };
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, "irqchip", id, &f, err);

	if (rc < 0)
		return rc;
	vsu_state_get(&f, &chip.chip, sizeof(chip.chip));
	rc = vsu_state_fields_end(&f, err);
	if (rc < 0)
		return rc;
	rc = varch_ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &chip);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_SET_IRQCHIP %u", id) : 0;
}

int varch_vm_load(const struct varch_vm *kvm,
		       const struct vsu_state *state, struct vsu_error *err)
{
	struct kvm_clock_data clock = { 0 };
	struct vsu_state_fields f;
	uint32_t i;
	int rc = vsu_state_find(state, "clock", 0, &f, err);

	if (rc < 0)
		return rc;
	clock.clock = vsu_state_get_u64(&f);
	rc = vsu_state_fields_end(&f, err);
	if (rc < 0)
		return rc;
	rc = varch_ioctl(kvm->vm_fd, KVM_SET_CLOCK, &clock);
	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_SET_CLOCK");
	for (i = 0; !rc && i < NCHIPS; i++)
		rc = load_chip(kvm, i, state, err);
	return rc;
}

int varch_vm_load_last(const struct varch_vm *kvm, const struct vsu_state *state,
			  struct vsu_error *err)
{
	(void)kvm;
	(void)state;
	(void)err;
	return 0;
}
