/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kernels that are built into this program, and the ELF files that can be others. */
#include <config.h>

#include <assert.h>
#include <elf.h>
#include <stddef.h>

#include "arch/load.h"

/* Defined in images.S. */
extern const unsigned char vmm_builtin_agent[], vmm_builtin_agent_end[];
extern const unsigned char vmm_builtin_irqtest[], vmm_builtin_irqtest_end[];
extern const unsigned char vmm_builtin_private[], vmm_builtin_private_end[];
extern const unsigned char vmm_builtin_selftest[], vmm_builtin_selftest_end[];

const struct vmm_elf_rules vmm_arch_elf = {
	.machine = EM_X86_64, .pvh = true,
	.foreign = "not a 64-bit ELF for x86-64",
	.unknown = "not a kernel (neither bzImage nor ELF)",
	.low = "a segment is below 1 MiB, which the boot protocol reserves",
	.anonymous = "the ELF file has no note with an entry point (PVH, or cvmm's protocol)",
};

const struct vmm_builtin vmm_arch_builtins[] = {
	{ "agent", vmm_builtin_agent, vmm_builtin_agent_end },
	{ "irqtest", vmm_builtin_irqtest, vmm_builtin_irqtest_end },
	{ "private", vmm_builtin_private, vmm_builtin_private_end },
	{ "selftest", vmm_builtin_selftest, vmm_builtin_selftest_end },
	{ NULL, NULL, NULL },
};

static_assert(sizeof(vmm_arch_builtins) / sizeof(vmm_arch_builtins[0]) - 1 <= VMM_MAX_BUILTINS, "their names fit");
