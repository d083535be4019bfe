/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The ELF files that can be kernels. */
#include <config.h>

#include <elf.h>

#include "arch/elf_rules.h"

const struct varch_elf_rules varch_elf = {
	.machine = EM_AARCH64,
	.foreign = "not a 64-bit ELF for arm64",
	.unknown = "not a kernel (neither Image nor ELF)",
	.low = "a segment is below 0x40200000, which the boot protocol reserves",
	.anonymous = "the ELF file has no note of cvmm's protocol; boot the Image of a Linux kernel",
};
