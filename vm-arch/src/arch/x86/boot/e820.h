/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory map for a kernel. Only usable memory is in the list: no
 * holes, read-only memory or shared memory windows.
 */
#ifndef VARCH_BOOT_E820_H
#define VARCH_BOOT_E820_H

#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#define VARCH_E820_MAX 128	/* of the Linux boot protocol */

/* The types of ACPI 6.4, section 15. */
enum varch_e820_type {
	VARCH_E820_RAM = 1,
	VARCH_E820_RESERVED = 2,
	VARCH_E820_ACPI = 3,	/* tables: memory once they have been read */
};

struct varch_e820 {
	unsigned int n;
	struct varch_e820_entry {
		uint64_t gpa, len;
		uint32_t type;	/* enum varch_e820_type */
	} entries[VARCH_E820_MAX];
};

/* -ENOSPC: there are more pieces than the list holds. */
int varch_e820_make(const struct vmem_view *view, struct varch_e820 *out,
		  struct vsu_error *err);

#endif
