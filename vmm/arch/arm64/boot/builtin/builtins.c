/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kernels that are built into this program, and the ELF files that can be others. */
#include <config.h>

#include <elf.h>
#include <stddef.h>

#include "arch/load.h"

/* Defined in images.S. */
extern const unsigned char vmm_builtin_agent[], vmm_builtin_agent_end[];
extern const unsigned char vmm_builtin_irqtest[], vmm_builtin_irqtest_end[];
extern const unsigned char vmm_builtin_selftest[], vmm_builtin_selftest_end[];

const struct vmm_elf_rules vmm_arch_elf = {
	.machine = EM_AARCH64,
	.foreign = "not a 64-bit ELF for arm64",
	.unknown = "not a kernel (neither Image nor ELF)",
	.low = "a segment is below 0x40200000, which the boot protocol reserves",
	.anonymous = "the ELF file has no note of cvmm's protocol; boot the Image of a Linux kernel",
};

const struct vmm_builtin vmm_arch_builtins[] = {
	{ "agent", vmm_builtin_agent, vmm_builtin_agent_end },
	{ "irqtest", vmm_builtin_irqtest, vmm_builtin_irqtest_end },
	{ "selftest", vmm_builtin_selftest, vmm_builtin_selftest_end },
	{ NULL, NULL, NULL },
};
