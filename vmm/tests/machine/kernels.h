/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The smallest kernel of each protocol, as the file "kernel" of this folder. */
#ifndef VMM_TESTS_MACHINE_KERNELS_H
#define VMM_TESTS_MACHINE_KERNELS_H

#include <stdint.h>

/* Entry point of the ELF files. */
#define KERNEL_ENTRY 0x100008u

/* 64-bit entry, 1 MiB preferred at 2 MiB. */
void kernel_bzimage(void);

/* One page whose note, up to 8 bytes long, describes its entry. */
void kernel_elf(const char *name, uint32_t type, const uint32_t *desc,
		uint32_t desc_size);
void kernel_pvh(void);

#endif
