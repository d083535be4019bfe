/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Debugging of guests, which is refused on arm64: no other function here is called. */
#include <config.h>

#include <errno.h>

#include <vm-arch/debug_cpu.h>

#include "target/gdb_registers.h"

int varch_debug_check(struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "option --gdb: debugging of guests is not supported on arm64; leave it out");
}

int varch_debug_get_registers(const struct varch_cpus *cpus, unsigned int cpu, struct varch_gdb_registers *out)
{
	(void)cpus;
	(void)cpu;
	(void)out;
	return -EOPNOTSUPP;
}

int varch_debug_set_registers(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_gdb_registers *regs)
{
	(void)cpus;
	(void)cpu;
	(void)regs;
	return -EOPNOTSUPP;
}

int varch_debug_find(const struct varch_cpus *cpus, unsigned int cpu, uint64_t address, uint64_t *gpa)
{
	(void)cpus;
	(void)cpu;
	(void)address;
	(void)gpa;
	return -EOPNOTSUPP;
}

int varch_debug_control(const struct varch_cpus *cpus, unsigned int cpu, const struct varch_debug_control *c)
{
	(void)cpus;
	(void)cpu;
	(void)c;
	return -EOPNOTSUPP;
}

bool varch_debug_is_software(const struct kvm_debug_exit_arch *exit, uint64_t *address)
{
	(void)exit;
	*address = 0;
	return false;
}

const struct varch_gdb_breakpoint *varch_debug_hit(const struct kvm_debug_exit_arch *exit,
					       const struct varch_gdb_breakpoint *list, unsigned int n)
{
	(void)exit;
	(void)list;
	(void)n;
	return NULL;
}
