/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A CPU that does not run, for a debugger: registers, memory by its page tables, and KVM's guest
 * debugging.
 *
 * Threads: the main thread, while the CPUs are paused.
 */
#ifndef VMM_GDB_DEBUG_CPU_H
#define VMM_GDB_DEBUG_CPU_H

#include <vm-arch/gdb.h>
#include <vm-arch/cpus.h>

struct kvm_debug_exit_arch;

/* 0, or -EOPNOTSUPP: this architecture has no debugging of guests. */
int vmm_debug_check(struct vsu_error *err);

int vmm_debug_get_registers(const struct vmm_cpus *cpus, unsigned int cpu, struct vmm_gdb_registers *out);
/* Selectors of segments do not change. */
int vmm_debug_set_registers(const struct vmm_cpus *cpus, unsigned int cpu, const struct vmm_gdb_registers *regs);

/* By the page tables of the CPU. -EFAULT: it has no page there. */
int vmm_debug_find(const struct vmm_cpus *cpus, unsigned int cpu, uint64_t address, uint64_t *gpa);

struct vmm_debug_control {
	bool on, steps;
	bool injects;	/* a breakpoint that is the guest's own */
	const struct vmm_gdb_breakpoint *list;
	unsigned int n;
};

int vmm_debug_control(const struct vmm_cpus *cpus, unsigned int cpu, const struct vmm_debug_control *c);

/* Whether a breakpoint in memory, at address, was the cause of the exit. */
bool vmm_debug_is_software(const struct kvm_debug_exit_arch *exit, uint64_t *address);

/* The breakpoint of the list that the debug registers report as the cause, or NULL. */
const struct vmm_gdb_breakpoint *vmm_debug_hit(const struct kvm_debug_exit_arch *exit,
					       const struct vmm_gdb_breakpoint *list, unsigned int n);

#endif
