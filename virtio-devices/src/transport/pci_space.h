/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Configuration space of a type 0 PCI function: bytes, write mask, capabilities. */
#ifndef VIRTIO_DEVICES_PCI_SPACE_H
#define VIRTIO_DEVICES_PCI_SPACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PCI_VENDOR = 0x00, PCI_DEVICE = 0x02, PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06, PCI_REVISION = 0x08, PCI_CLASS = 0x09,
	PCI_BAR = 0x10, PCI_SUBSYSTEM_VENDOR = 0x2c, PCI_SUBSYSTEM = 0x2e,
	PCI_CAPABILITIES = 0x34, PCI_LINE = 0x3c, PCI_PIN = 0x3d,
	PCI_HEADER = 0x40, PCI_SPACE = 0x100,
};

#define PCI_COMMAND_MEMORY	0x0002u
#define PCI_COMMAND_MASTER	0x0004u
#define PCI_COMMAND_NO_INTX	0x0400u
#define PCI_STATUS_INTX		0x0008u
#define PCI_STATUS_LIST		0x0010u

struct pci_space {
	uint8_t bytes[PCI_SPACE];
	uint8_t writable[PCI_SPACE];	/* mask of bits that the driver can write */
	uint32_t end;			/* end of the last capability */
	uint32_t link;			/* offset of the last next-capability pointer */
};

void virtdev_pci_space_init(struct pci_space *s);

/* A field of 1, 2, 4 or 8 bytes, little-endian. */
uint64_t virtdev_pci_space_get(const struct pci_space *s, uint32_t at, uint32_t len);
void virtdev_pci_space_set(struct pci_space *s, uint32_t at, uint32_t len,
		   uint64_t value);
void virtdev_pci_space_let_write(struct pci_space *s, uint32_t at, uint32_t len,
			 uint64_t bits);

/* Adds a 64-bit BAR; the length is a power of two. */
void virtdev_pci_space_add_bar(struct pci_space *s, unsigned int bar, uint64_t len,
		       bool prefetchable);
uint64_t virtdev_pci_space_bar(const struct pci_space *s, unsigned int bar);

/*
 * Appends a capability; its length includes the two bytes of header. Returns its offset.
 * The space suffices for the capabilities of pci.c.
 */
uint32_t virtdev_pci_space_add_capability(struct pci_space *s, uint8_t id,
				  uint32_t len);

/* Accesses of the driver; unaligned reads return all ones. */
uint32_t virtdev_pci_space_read(const struct pci_space *s, uint32_t at, uint32_t len);
void virtdev_pci_space_write(struct pci_space *s, uint32_t at, uint32_t len,
		     uint32_t value);

#endif
