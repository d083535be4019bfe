/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Facts that every boot protocol passes to a kernel, each in its own form. */
#ifndef VARCH_BOOT_HANDOVER_H
#define VARCH_BOOT_HANDOVER_H

#include <stdint.h>

#include "arch/x86/boot/e820.h"

struct varch_handover {
	uint64_t cmdline_gpa;	/* terminated text */
	uint64_t initrd_gpa, initrd_len; /* len 0: none */
	uint64_t rsdp_gpa;	/* the root of ACPI's tables */
	struct varch_e820 memory;
};

#endif
