/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The features of a vCPU, and the registers with which it begins. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "arch/arch.h"
#include "arch/arm64/cpu.h"

static const struct feature {
	int capability;
	uint32_t bits;
} features[] = {
	{ KVM_CAP_ARM_PSCI_0_2, 1u << KVM_ARM_VCPU_PSCI_0_2 },
};

uint32_t vmm_arm64_cpu_features(const struct vmm_kvm *kvm)
{
	uint32_t bits = 0;
	unsigned int i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (vmm_kvm_capability(kvm, features[i].capability))
			bits |= features[i].bits;
	return bits;
}

int vmm_arm64_cpu_init(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	struct kvm_vcpu_init init = { 0 };
	int rc = vmm_kvm_ioctl(kvm->vm_fd, KVM_ARM_PREFERRED_TARGET, &init);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] = vmm_arm64_cpu_features(kvm);
	rc = vmm_kvm_ioctl(cpu_fd, KVM_ARM_VCPU_INIT, &init);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_ARM_VCPU_INIT", cpu) : 0;
}

uint64_t vmm_arm64_mpidr(unsigned int number)
{
	return (number & 15) | (uint64_t)(number >> 4) << 8;
}

int vmm_arm64_get_register(int cpu_fd, uint64_t id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return vmm_kvm_ioctl(cpu_fd, KVM_GET_ONE_REG, &reg);
}

int vmm_arm64_set_register(int cpu_fd, uint64_t id, const void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return vmm_kvm_ioctl(cpu_fd, KVM_SET_ONE_REG, &reg);
}

static int set_activity(int cpu_fd, uint32_t activity, unsigned int cpu, struct vsu_error *err)
{
	struct kvm_mp_state state = { .mp_state = activity };
	int rc = vmm_kvm_ioctl(cpu_fd, KVM_SET_MP_STATE, &state);

	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_SET_MP_STATE", cpu) : 0;
}

/* KVM has reset the CPU to EL1 with interrupts masked and caches off. */
int vmm_arm64_start_cpu(int cpu_fd, unsigned int cpu, const struct vmm_arm64_start *start,
			struct vsu_error *err)
{
	const struct {
		uint64_t id, value;
	} rows[] = {
		{ VMM_ARM64_CORE(regs.pc), start->entry },
		{ VMM_ARM64_CORE(regs.regs[0]), start->x0 },
		{ VMM_ARM64_CORE(regs.regs[1]), start->x1 },
		{ VMM_ARM64_CORE(sp_el1), start->stack_top },
	};
	unsigned int i;
	int rc = 0;

	if (start->waits)
		return set_activity(cpu_fd, KVM_MP_STATE_STOPPED, cpu, err);
	for (i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = vmm_arm64_set_register(cpu_fd, rows[i].id, &rows[i].value);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_SET_ONE_REG %#" PRIx64, cpu, rows[i - 1].id) :
			set_activity(cpu_fd, KVM_MP_STATE_RUNNABLE, cpu, err);
}

int vmm_arch_cpu_add(const struct vmm_kvm *kvm, int first_fd, int cpu_fd, unsigned int cpu,
		     struct vsu_error *err)
{
	(void)kvm;
	(void)first_fd;
	(void)cpu_fd;
	return vsu_error_set(err, -EOPNOTSUPP, "CPU %u: no CPU can be added to a GIC that has begun", cpu);
}
