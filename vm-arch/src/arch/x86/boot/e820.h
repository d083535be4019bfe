/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory map for a kernel. Only usable memory is in the list: no
 * holes, read-only memory or shared memory windows.
 */
#ifndef VMM_BOOT_E820_H
#define VMM_BOOT_E820_H

#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#define VMM_E820_MAX 128	/* of the Linux boot protocol */

/* The types of ACPI 6.4, section 15. */
enum vmm_e820_type {
	VMM_E820_RAM = 1,
	VMM_E820_RESERVED = 2,
	VMM_E820_ACPI = 3,	/* tables: memory once they have been read */
};

struct vmm_e820 {
	unsigned int n;
	struct vmm_e820_entry {
		uint64_t gpa, len;
		uint32_t type;	/* enum vmm_e820_type */
	} entries[VMM_E820_MAX];
};

/* -ENOSPC: there are more pieces than the list holds. */
int vmm_e820_make(const struct vmem_view *view, struct vmm_e820 *out,
		  struct vsu_error *err);

#endif
