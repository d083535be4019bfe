/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A CPU that does not run, for a debugger: registers, memory by its page tables, and KVM's guest
 * debugging.
 *
 * A build with --disable-gdb, and one for arm64, is without this header.
 *
 * Threads: the main thread, while the CPUs are paused.
 */
#ifndef VARCH_GDB_DEBUG_CPU_H
#define VARCH_GDB_DEBUG_CPU_H

#include <vm-arch/attributes.h>
#include <vm-arch/cpus.h>
#include <vm-arch/gdb.h>

VSU_BEGIN_DECLS

struct kvm_debug_exit_arch;

struct varch_debug_control {
	bool on, steps;
	bool injects;	/* a breakpoint that is the guest's own */
	const struct varch_gdb_breakpoint *list;
	unsigned int n;
};

/* The processor of this host. Functions return 0 or a negative errno. */
struct varch_debug {
	const struct varch_gdb_target *target;
	int (*get_registers)(const struct varch_cpus *cpus, unsigned int cpu, struct varch_gdb_registers *out);
	/* Selectors of segments do not change. */
	int (*set_registers)(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_gdb_registers *regs);
	/* Reads the page tables of the CPU. -EFAULT: it has no page there. */
	int (*find)(const struct varch_cpus *cpus, unsigned int cpu, uint64_t address, uint64_t *gpa);
	int (*control)(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_debug_control *c);
	/* Whether a breakpoint in memory, at address, was the cause of the exit. */
	bool (*is_software)(const struct kvm_debug_exit_arch *exit, uint64_t *address);
	/* The breakpoint of the list that the debug registers report as the cause, or NULL. */
	const struct varch_gdb_breakpoint *(*hit)(const struct kvm_debug_exit_arch *exit,
						  const struct varch_gdb_breakpoint *list, unsigned int n);
};

/* The operations of this host's processor; static. */
VARCH_API const struct varch_debug *varch_debug(void);

VSU_END_DECLS

#endif
