/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The ELF files that can be kernels. */
#include <config.h>

#include <elf.h>

#include "arch/elf_rules.h"

const struct varch_elf_rules varch_elf = {
	.machine = EM_X86_64, .pvh = true,
	.foreign = "not a 64-bit ELF for x86-64",
	.unknown = "not a kernel (neither bzImage nor ELF)",
	.low = "a segment is below 1 MiB, which the boot protocol reserves",
	.anonymous = "the ELF file has no note with an entry point (PVH, or cvmm's protocol)",
};
