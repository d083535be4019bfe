/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A VM on x86-64: two PICs and an I/O APIC. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include <vm-arch/arch.h>
#include <vm-arch/layout.h>

#include "arch/own.h"
#include "arch/x86/kvm_x86.h"
#include "kvm/ioctl.h"

/* Address of three pages, below 4 GiB, reserved for KVM. */
#define TSS_GPA 0xfffbd000

/* The VM type that supports private memory without special hardware. */
int varch_vm_type(const struct varch_vm *kvm, bool private_memory, unsigned long *type,
		     struct vsu_error *err)
{
	*type = private_memory ? KVM_X86_SW_PROTECTED_VM : 0;
	if (!private_memory || (varch_vm_capability(kvm, KVM_CAP_VM_TYPES) & (1 << *type)))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "memory with a private half (private=on) needs virtual machines of the type KVM_X86_SW_PROTECTED_VM, which this host's KVM does not offer");
}

int varch_vm_init(struct varch_vm *kvm, struct vsu_error *err)
{
	int rc;

	if (!varch_vm_capability(kvm, KVM_CAP_EXT_CPUID))
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM lacks CPUID tables (KVM_CAP_EXT_CPUID)");
	rc = ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, (long)TSS_GPA);
	if (rc < 0)
		return vsu_error_sys(err, -errno, "KVM_SET_TSS_ADDR");
	rc = varch_ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, NULL);
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_CREATE_IRQCHIP") : 0;
}

/*
 * By default KVM zaps the guest's page tables of all memory when a slot is
 * removed. This quirk is disabled, because windows change often. If KVM does
 * not support that, only performance suffers.
 */
static void keep_other_slots(const struct varch_vm *kvm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args = { KVM_X86_QUIRK_SLOT_ZAP_ALL },
	};

	if (varch_vm_capability(kvm, KVM_CAP_DISABLE_QUIRKS2) &
	    KVM_X86_QUIRK_SLOT_ZAP_ALL)
		varch_ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
}

/* Without this hypercall, memory faults indicate the conversions. */
static void enable_map_hypercalls(struct varch_vm *kvm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_HYPERCALL,
		.args = { 1 << KVM_HC_MAP_GPA_RANGE },
	};

	kvm->map_hypercall = (varch_vm_capability(kvm, KVM_CAP_EXIT_HYPERCALL) &
			      1 << KVM_HC_MAP_GPA_RANGE) &&
		!varch_ioctl(kvm->vm_fd, KVM_ENABLE_CAP, &cap);
}

void varch_vm_tune(struct varch_vm *kvm, bool private_memory)
{
	keep_other_slots(kvm);
	if (private_memory)
		enable_map_hypercalls(kvm);
}

/* A CPU's table is set when it is set up. */
int varch_cpus_choose(struct varch_vm *kvm, const struct varch_cpu_choice *choice,
			 const struct vsu_state *state, struct vsu_error *err)
{
	(void)kvm;
	(void)choice;
	(void)state;
	(void)err;
	return 0;
}

void varch_vm_describe(const struct varch_vm *kvm, struct vsu_state_writer *w)
{
	(void)kvm;
	(void)w;
}

/* The calls that set a CPU up do all of it. */
int varch_cpus_made(struct varch_vm *kvm, const int *cpu_fds, unsigned int n,
		       struct vsu_error *err)
{
	(void)kvm;
	(void)cpu_fds;
	(void)n;
	(void)err;
	return 0;
}

bool varch_has_msi(const struct varch_vm *kvm)
{
	(void)kvm;
	return true;
}

void varch_msi_sender(struct kvm_msi *message, uint32_t sender)
{
	(void)message;
	(void)sender;
}
