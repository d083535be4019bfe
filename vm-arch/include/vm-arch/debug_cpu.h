/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A CPU that does not run, for a debugger: registers, memory by its page tables, and KVM's guest
 * debugging.
 *
 * Threads: the main thread, while the CPUs are paused.
 */
#ifndef VARCH_GDB_DEBUG_CPU_H
#define VARCH_GDB_DEBUG_CPU_H

#include <vm-arch/attributes.h>
#include <vm-arch/gdb.h>
#include <vm-arch/cpus.h>

VSU_BEGIN_DECLS

struct kvm_debug_exit_arch;

/* 0, or -EOPNOTSUPP: this architecture has no debugging of guests. */
VARCH_API int varch_debug_check(struct vsu_error *err) VSU_NODISCARD;

VARCH_API int varch_debug_get_registers(const struct varch_cpus *cpus, unsigned int cpu, struct varch_gdb_registers *out) VSU_NODISCARD;
/* Selectors of segments do not change. */
VARCH_API int varch_debug_set_registers(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_gdb_registers *regs) VSU_NODISCARD;

/* By the page tables of the CPU. -EFAULT: it has no page there. */
VARCH_API int varch_debug_find(const struct varch_cpus *cpus, unsigned int cpu, uint64_t address, uint64_t *gpa) VSU_NODISCARD;

struct varch_debug_control {
	bool on, steps;
	bool injects;	/* a breakpoint that is the guest's own */
	const struct varch_gdb_breakpoint *list;
	unsigned int n;
};

VARCH_API int varch_debug_control(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_debug_control *c) VSU_NODISCARD;

/* Whether a breakpoint in memory, at address, was the cause of the exit. */
VARCH_API bool varch_debug_is_software(const struct kvm_debug_exit_arch *exit, uint64_t *address);

/* The breakpoint of the list that the debug registers report as the cause, or NULL. */
VARCH_API const struct varch_gdb_breakpoint *varch_debug_hit(const struct kvm_debug_exit_arch *exit,
					       const struct varch_gdb_breakpoint *list, unsigned int n);

VSU_END_DECLS

#endif
