/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A VM on arm64: the width of its addresses, its interrupt controllers, and the routes of its interrupts. */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include <vm-arch/arch.h>
#include <vm-arch/layout.h>

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic.h"
#include "arch/own.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

#define DEFAULT_BITS 40u	/* of a VM whose type is 0 */
#define MOST_BITS 48u		/* 256 TiB suffice; more takes LPA2, and longer walks of tables */

static unsigned int phys_bits(const struct varch_vm *kvm)
{
	const int bits = varch_vm_capability(kvm, KVM_CAP_ARM_VM_IPA_SIZE);

	if (bits <= 0)
		return DEFAULT_BITS;
	return bits < (int)MOST_BITS ? (unsigned int)bits : MOST_BITS;
}

/* The type is the number of address bits. */
int varch_vm_type(const struct varch_vm *kvm, bool private_memory, unsigned long *type,
		     struct vsu_error *err)
{
	if (private_memory)
		return vsu_error_set(err, -EOPNOTSUPP, "memory with a private half (private=on) is not supported on arm64");
	*type = varch_vm_capability(kvm, KVM_CAP_ARM_VM_IPA_SIZE) ? KVM_VM_TYPE_ARM_IPA_SIZE(phys_bits(kvm)) : 0;
	return 0;
}

int varch_phys_bits(struct varch_vm *kvm, struct vsu_error *err)
{
	(void)err;
	kvm->phys_bits = phys_bits(kvm);
	return 0;
}

int varch_vm_init(struct varch_vm *kvm, struct vsu_error *err)
{
	if (!varch_vm_capability(kvm, KVM_CAP_ARM_PSCI_0_2))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM cannot start and stop CPUs (KVM_CAP_ARM_PSCI_0_2)");
	return varch_gic_make(kvm, err);
}

static const uint32_t tuned[] = {
	/* KVM_RUN fails without the address otherwise, if a guest accesses a device by such an instruction */
	KVM_CAP_ARM_NISV_TO_USER,
	/* PSCI has no SYSTEM_SUSPEND otherwise */
	KVM_CAP_ARM_SYSTEM_SUSPEND,
};

void varch_vm_tune(struct varch_vm *kvm, bool private_memory)
{
	struct kvm_enable_cap cap;
	unsigned int i;

	(void)private_memory;
	for (i = 0; i < sizeof(tuned) / sizeof(tuned[0]); i++) {
		cap = (struct kvm_enable_cap){ .cap = tuned[i] };
		if (varch_vm_capability(kvm, (int)tuned[i]))
			(void)!varch_ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
	}
}

int varch_cpus_made(struct varch_vm *kvm, const int *cpu_fds, unsigned int n,
		       struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		rc = varch_arm64_cpu_init(kvm, cpu_fds[i], i, err);
	return rc ? rc : varch_gic_begin(kvm, err);
}

bool varch_has_msi(const struct varch_vm *kvm)
{
	return varch_gic_has_its(kvm);
}

void varch_msi_sender(struct kvm_msi *message, uint32_t sender)
{
	message->flags = KVM_MSI_VALID_DEVID;
	message->devid = sender;
}

/* A guest's kernel runs on the processor, or not at all. */
bool varch_emulates_level0(const struct varch_vm *kvm)
{
	(void)kvm;
	return false;
}

int varch_report_loss(int cpu_fd, uint64_t gpa, bool touched)
{
	(void)cpu_fd;
	(void)gpa;
	(void)touched;
	return -EOPNOTSUPP;
}
