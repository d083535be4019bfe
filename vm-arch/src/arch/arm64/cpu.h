/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vCPUs of arm64: their features, and the registers with which they begin.
 *
 * Threads: as <vm-arch/arch.h>.
 */
#ifndef VARCH_ARM64_CPU_H
#define VARCH_ARM64_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>

#include "kvm/uapi.h"

/* KVM's id of a register of struct kvm_regs of 64 bits: regs.pc, sp_el1. */
#define VARCH_ARM64_CORE(member) \
	(KVM_REG_ARM64 | KVM_REG_ARM_CORE | KVM_REG_SIZE_U64 | \
	 (offsetof(struct kvm_regs, member) / sizeof(uint32_t)))

/* Gives a new vCPU its features: PSCI, and those of varch_cpus_choose(). No counters of events. */
int varch_arm64_cpu_init(struct varch_vm *kvm, int cpu_fd, unsigned int cpu, struct vsu_error *err);

/* The features that varch_arm64_cpu_init() gives, as bits of KVM. */
uint32_t varch_arm64_cpu_features(const struct varch_vm *kvm);

struct varch_arm64_start {
	uint64_t entry, stack_top, x0, x1;
	bool waits;	/* for CPU_ON of PSCI; the others count if it does not */
};

int varch_arm64_start_cpu(int cpu_fd, unsigned int cpu, const struct varch_arm64_start *start,
			struct vsu_error *err);

/*
 * SYSTEM_SUSPEND of PSCI (Arm DEN 0022, 5.19), which this CPU has called. In the next KVM_RUN it
 * waits for an interrupt; KVM_RUN then returns KVM_SYSTEM_EVENT_WAKEUP, and varch_arm64_wake_cpu()
 * lets the CPU run from where the call says. CPUs that the guest has left on are not stopped. A
 * negative errno of KVM. Threads: the CPU's.
 */
int varch_arm64_suspend_cpu(int cpu_fd);
int varch_arm64_wake_cpu(int cpu_fd);

/* The MPIDR by which KVM names a CPU: 16 in each group. */
uint64_t varch_arm64_mpidr(unsigned int number);

int varch_arm64_get_register(int cpu_fd, uint64_t id, void *value);
int varch_arm64_set_register(int cpu_fd, uint64_t id, const void *value);

#endif
