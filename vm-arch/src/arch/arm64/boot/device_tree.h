/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device tree of a machine: CPUs with their caches, memory, GIC, timer, serial port, transports or PCI bus, and
 * /chosen with the kernel's command line. If ACPI describes the machine, /chosen only, with the
 * addresses of EFI's tables.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARM64_DEVICE_TREE_H
#define VARCH_ARM64_DEVICE_TREE_H

#include <stddef.h>

#include <vm-arch/board.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "arch/arm64/caches.h"

/* Random bytes for the kernel: kaslr-seed and rng-seed of /chosen. */
struct varch_seeds {
	uint64_t place;
	unsigned char numbers[32];
};

/* The addresses of EFI's system table and memory map. */
struct varch_tree_efi {
	uint64_t system_gpa, map_gpa;
	uint32_t map_len, descriptor_len, descriptor_version;
};

struct varch_device_tree {
	const struct varch_board *board;
	const struct vmem_view *memory;
	const char *cmdline;
	unsigned int gic;	/* version of the GIC, 2 or 3 */
	uint64_t (*mpidr)(unsigned int number);	/* the name of a CPU */
	const struct varch_arm64_caches *caches; /* of each CPU */
	uint64_t initrd_gpa, initrd_len; /* len 0: none */
	struct varch_seeds seeds;
	const struct varch_tree_efi *efi;	/* NULL: the tree describes the machine, and not ACPI */
};

/* Writes it to bytes; its length. -ENOSPC. */
int varch_device_tree_build(const struct varch_device_tree *tree, unsigned char *bytes, size_t room,
			  struct vsu_error *err);

#endif
