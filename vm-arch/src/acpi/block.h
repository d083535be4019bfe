/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * ACPI's tables as one block of bytes for one guest address (ACPI 6.4, chapter 5): the root
 * pointer, then tables consecutively, the root table last because it contains the addresses of
 * the others.
 *
 * Threads: confined.
 */
#ifndef VARCH_ACPI_BLOCK_H
#define VARCH_ACPI_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/board.h>
#include <vmm-sys-util/error.h>

#include "acpi/aml.h"

#define VARCH_ACPI_HEADER 36	/* size of the header of all tables except RSDP */
#define VARCH_ACPI_FADT_LEN 276
#define VARCH_ACPI_TABLES 8	/* of a block, except its roots */

/* The place of a part in the block. */
struct varch_acpi_table {
	size_t offset, len;
};

struct varch_acpi_block {
	unsigned char *bytes;
	size_t size, len;
	uint32_t gpa;
	int error;		/* the first one; 0: none */
};

/* gpa is the block's guest address, a multiple of 16 below 4 GiB. */
void varch_acpi_block_init(struct varch_acpi_block *b, uint32_t gpa, void *bytes, size_t size);

void varch_acpi_append(struct varch_acpi_block *b, const void *bytes, size_t n);

/* A table with its header; what is appended until its end is its content. */
struct varch_acpi_table varch_acpi_begin_table(struct varch_acpi_block *b, const char *signature, uint8_t revision);
void varch_acpi_end_table(struct varch_acpi_block *b, struct varch_acpi_table *table);

/* Tables that differ only by what the callback writes, and by what is in t from offset 36 on. */
void varch_acpi_add_dsdt(struct varch_acpi_block *b, void (*write)(const struct varch_board *board, struct varch_aml *aml),
		       const struct varch_board *board, struct varch_acpi_table *table);
void varch_acpi_add_fadt(struct varch_acpi_block *b, unsigned char t[VARCH_ACPI_FADT_LEN],
		       const struct varch_acpi_table *dsdt, struct varch_acpi_table *table);
/* Configuration space of bus 0 of segment 0 (PCI Firmware 3.0, section 4.1.2). */
void varch_acpi_add_mcfg(struct varch_acpi_block *b, const struct varch_board_pci *pci, struct varch_acpi_table *table);
/* The root table of up to VARCH_ACPI_TABLES; those of length 0 are absent. */
void varch_acpi_add_xsdt(struct varch_acpi_block *b, const struct varch_acpi_table *const *tables, unsigned int n,
		       struct varch_acpi_table *xsdt);

/* Writes the root pointer, rsdp. -ENOSPC: the block does not fit. */
int varch_acpi_finish(struct varch_acpi_block *b, const struct varch_acpi_table *xsdt,
		    struct varch_acpi_table *rsdp, struct vsu_error *err);

#endif
