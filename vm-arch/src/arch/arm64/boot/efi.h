/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of EFI by which a Linux kernel finds ACPI's tables without firmware (UEFI 2.10): a system
 * table without services, which names the tables, and a map of memory. The properties of /chosen in
 * Linux's Documentation/arch/arm/uefi.rst say where they are.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARM64_EFI_H
#define VARCH_ARM64_EFI_H

#include <stddef.h>
#include <stdint.h>

#include <vm-arch/board.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#define VARCH_EFI_DESCRIPTOR_LEN 40u
#define VARCH_EFI_DESCRIPTOR_VERSION 1u

struct varch_efi {
	const struct vmem_view *memory;
	uint64_t gpa;		/* of the block */
	uint64_t rsdp_gpa;
	struct varch_board_range tables;	/* the block and ACPI's tables, which systems keep */
	struct varch_board_range reserved; /* used by devices; behind tables. Both are multiples of 64 KiB. */
};

/* The place of the map in the block, which the system table begins. */
struct varch_efi_layout {
	size_t map, map_len;
	size_t len;		/* of the whole block */
};

/* Writes the block into size bytes. -ENOSPC. */
int varch_efi_build(const struct varch_efi *efi, void *bytes, size_t size, struct varch_efi_layout *out,
		  struct vsu_error *err);

#endif
