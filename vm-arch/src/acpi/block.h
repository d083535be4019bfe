/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * ACPI's tables as one block of bytes for one guest address (ACPI 6.4, chapter 5): the root
 * pointer, then tables consecutively, the root table last because it contains the addresses of
 * the others.
 *
 * Threads: confined.
 */
#ifndef VMM_ACPI_BLOCK_H
#define VMM_ACPI_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/board.h>
#include <vmm-sys-util/error.h>

#include "acpi/aml.h"

#define VMM_ACPI_HEADER 36	/* size of the header of all tables except RSDP */
#define VMM_ACPI_FADT_LEN 276
#define VMM_ACPI_TABLES 8	/* of a block, except its roots */

/* The place of a part in the block. */
struct vmm_acpi_table {
	size_t offset, len;
};

struct vmm_acpi_block {
	unsigned char *bytes;
	size_t size, len;
	uint32_t gpa;
	int error;		/* the first one; 0: none */
};

/* gpa is the block's guest address, a multiple of 16 below 4 GiB. */
void vmm_acpi_block_init(struct vmm_acpi_block *b, uint32_t gpa, void *bytes, size_t size);

void vmm_acpi_append(struct vmm_acpi_block *b, const void *bytes, size_t n);

/* A table with its header; what is appended until its end is its content. */
struct vmm_acpi_table vmm_acpi_begin_table(struct vmm_acpi_block *b, const char *signature, uint8_t revision);
void vmm_acpi_end_table(struct vmm_acpi_block *b, struct vmm_acpi_table *table);
uint64_t vmm_acpi_table_gpa(const struct vmm_acpi_block *b, const struct vmm_acpi_table *table);

/* Tables that differ only by what the callback writes, and by what is in t from offset 36 on. */
void vmm_acpi_add_dsdt(struct vmm_acpi_block *b, void (*write)(const struct vmm_board *board, struct vmm_aml *aml),
		       const struct vmm_board *board, struct vmm_acpi_table *table);
void vmm_acpi_add_fadt(struct vmm_acpi_block *b, unsigned char t[VMM_ACPI_FADT_LEN],
		       const struct vmm_acpi_table *dsdt, struct vmm_acpi_table *table);
/* Configuration space of bus 0 of segment 0 (PCI Firmware 3.0, section 4.1.2). */
void vmm_acpi_add_mcfg(struct vmm_acpi_block *b, const struct vmm_board_pci *pci, struct vmm_acpi_table *table);
/* The root table of up to VMM_ACPI_TABLES; those of length 0 are absent. */
void vmm_acpi_add_xsdt(struct vmm_acpi_block *b, const struct vmm_acpi_table *const *tables, unsigned int n,
		       struct vmm_acpi_table *xsdt);

/* Writes the root pointer, rsdp. -ENOSPC: the block does not fit. */
int vmm_acpi_finish(struct vmm_acpi_block *b, const struct vmm_acpi_table *xsdt,
		    struct vmm_acpi_table *rsdp, struct vsu_error *err);

#endif
