/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * ELF files by the architecture of guest and host.
 *
 * Threads: no functions.
 */
#ifndef VARCH_ARCH_ELF_RULES_H
#define VARCH_ARCH_ELF_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* The ELF files that can be kernels, and what is printed of others. */
struct varch_elf_rules {
	uint16_t machine;	/* EM_... */
	bool pvh;		/* also those of the PVH protocol */
	const char *foreign;	/* of another machine */
	const char *unknown;	/* not an ELF file */
	const char *low;	/* below VARCH_INITRD_FIRST */
	const char *anonymous;	/* without a note */
};

extern const struct varch_elf_rules varch_elf;

#endif
