/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine's ACPI description: RSDP, XSDT, a hardware-reduced FADT, MADT and
 * DSDT, as one block of bytes for one guest address (ACPI 6.4, chapter 5). A
 * pure function of the machine.
 */
#ifndef VMM_ACPI_TABLES_H
#define VMM_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

/* A virtio-mmio transport. */
struct vmm_acpi_device {
	uint32_t gpa, len, irq;
};

/* The function of a slot on the PCI bus, and the interrupt of its line. */
struct vmm_acpi_slot {
	unsigned int slot;
	uint32_t irq;
};

/* A PCI bus: configuration space and register window of its functions. */
struct vmm_acpi_pci {
	uint32_t ecam_gpa, ecam_len;
	uint32_t window_gpa, window_len;
	unsigned int nslots;
	const struct vmm_acpi_slot *slots;
};

/* Addresses that the guest must not assign to other devices. */
struct vmm_acpi_window {
	uint64_t gpa, len;
};

struct vmm_acpi_machine {
	unsigned int ncpus;
	unsigned int ndevices, nwindows;
	const struct vmm_acpi_device *devices;
	const struct vmm_acpi_window *windows;
	const struct vmm_acpi_pci *pci;	/* NULL: no bus */
	uint64_t generation_gpa;	/* of the VM Generation ID */
};

/* The place of a part in the block. */
struct vmm_acpi_table {
	size_t offset, len;
};

struct vmm_acpi_layout {
	struct vmm_acpi_table rsdp, dsdt, fadt, madt, mcfg, xsdt;
	size_t len;		/* of the whole block */
};

/*
 * Writes the block into size bytes, starting with RSDP. gpa is the block's
 * guest address, a multiple of 16 below 4 GiB. -ENOSPC: the block does not fit.
 */
int vmm_acpi_build(const struct vmm_acpi_machine *machine, uint32_t gpa,
		   void *bytes, size_t size, struct vmm_acpi_layout *out,
		   struct vsu_error *err);

#endif
