/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of a vCPU as NT_PRSTATUS has them. */
#include <config.h>

#include <stddef.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include <vm-arch/layout.h>

#include "arch/arm64/cpu.h"
#include "arch/own.h"

#define MODE_MASK 0xfu		/* of PSTATE: the level, and which of its stack pointers */
#define MODE_EL1H 0x5u

static int get_registers(int cpu_fd, struct user_regs_struct *out)
{
	unsigned int i;
	uint64_t sp_el1;
	int rc = 0;

	for (i = 0; !rc && i < 31; i++)
		rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(regs.regs[i]), &out->regs[i]);
	if (!rc)
		rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(regs.sp), &out->sp);
	if (!rc)
		rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(regs.pc), &out->pc);
	if (!rc)
		rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(regs.pstate), &out->pstate);
	if (!rc)
		rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(sp_el1), &sp_el1);
	if (!rc && (out->pstate & MODE_MASK) == MODE_EL1H)
		out->sp = sp_el1;
	return rc;
}

int varch_cpu_status(int cpu_fd, unsigned int cpu, struct elf_prstatus *out,
			struct vsu_error *err)
{
	struct user_regs_struct regs = { 0 };
	int rc = get_registers(cpu_fd, &regs);

	_Static_assert(offsetof(struct user_regs_struct, pc) == VARCH_STATUS_COUNTER * sizeof(out->pr_reg[0]),
		       "the program counter");
	_Static_assert(sizeof(out->pr_reg) == sizeof(regs), "the same registers");
	if (rc < 0)
		return vsu_error_sys(err, rc, "CPU %u: KVM_GET_ONE_REG", cpu);
	memset(out, 0, sizeof(*out));
	out->pr_pid = (pid_t)cpu + 1;
	memcpy(&out->pr_reg, &regs, sizeof(regs));
	return 0;
}
