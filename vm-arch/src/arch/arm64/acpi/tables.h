/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine's ACPI description: RSDP, XSDT, a hardware-reduced FADT, MADT, GTDT, PPTT, SPCR and DSDT,
 * and with a PCI bus MCFG and IORT (Arm DEN 0049), as one block of bytes for one guest address. A
 * pure function of the machine.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARM64_ACPI_TABLES_H
#define VARCH_ARM64_ACPI_TABLES_H

#include "acpi/block.h"
#include "arch/arm64/caches.h"

struct varch_arm64_acpi {
	const struct varch_board *board;
	unsigned int gic;	/* version of the GIC, 2 or 3 */
	uint64_t (*mpidr)(unsigned int number);	/* the name of a CPU */
	const struct varch_arm64_caches *caches; /* of each CPU */
};

struct varch_arm64_acpi_layout {
	struct varch_acpi_table rsdp, dsdt, fadt, madt, gtdt, pptt, spcr, mcfg, iort, xsdt;
	size_t len;		/* of the whole block */
};

/*
 * Writes the block into size bytes, starting with RSDP. gpa is the block's guest address, a
 * multiple of 16 below 4 GiB. -ENOSPC: the block does not fit.
 */
int varch_arm64_acpi_build(const struct varch_arm64_acpi *machine, uint32_t gpa, void *bytes, size_t size,
			 struct varch_arm64_acpi_layout *out, struct vsu_error *err);

#endif
