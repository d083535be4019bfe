/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine as its kernel sees it, from which an architecture makes ACPI's tables or a device
 * tree.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARCH_BOARD_H
#define VARCH_ARCH_BOARD_H

#include <stdint.h>

/* A virtio-mmio transport. */
struct varch_board_device {
	uint32_t gpa, len, irq;
};

/* The function of a slot on the PCI bus, and the interrupt of its line. */
struct varch_board_slot {
	unsigned int slot;
	uint32_t irq;
};

/* A PCI bus: configuration space and register window of its functions. */
struct varch_board_pci {
	uint32_t ecam_gpa, ecam_len;
	uint32_t window_gpa, window_len;
	unsigned int nslots;
	const struct varch_board_slot *slots;
};

/* Addresses that the guest must not assign to other devices. */
struct varch_board_window {
	uint64_t gpa, len;
};

struct varch_vm;

struct varch_board {
	const struct varch_vm *kvm;	/* which has the interrupt controllers; NULL: the usual ones */
	unsigned int ncpus;
	unsigned int nlater;	/* CPUs behind them that may be added while the guest runs */
	unsigned int ndevices, nwindows;
	const struct varch_board_device *devices;
	const struct varch_board_window *windows;
	const struct varch_board_pci *pci;	/* NULL: no bus */
	uint64_t generation_gpa;	/* of the VM Generation ID */
};

/* A range of guest addresses. */
struct varch_board_range {
	uint64_t first, len;
};

#endif
