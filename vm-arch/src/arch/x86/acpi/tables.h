/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine's ACPI description: RSDP, XSDT, a hardware-reduced FADT, MADT and
 * DSDT, as one block of bytes for one guest address (ACPI 6.4, chapter 5). A
 * pure function of the machine.
 */
#ifndef VARCH_ACPI_TABLES_H
#define VARCH_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <vm-arch/board.h>
#include <vmm-sys-util/error.h>

#include "acpi/block.h"

struct varch_acpi_layout {
	struct varch_acpi_table rsdp, dsdt, fadt, madt, mcfg, xsdt;
	size_t len;		/* of the whole block */
};

/*
 * Writes the block into size bytes, starting with RSDP. gpa is the block's
 * guest address, a multiple of 16 below 4 GiB. -ENOSPC: the block does not fit.
 */
int varch_acpi_build(const struct varch_board *machine, uint32_t gpa,
		   void *bytes, size_t size, struct varch_acpi_layout *out,
		   struct vsu_error *err);

#endif
