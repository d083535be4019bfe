/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The configuration space of a PCI function of type 0: bytes, which of their
 * bits the driver may store, and a list of capabilities.
 */
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
	uint8_t writable[PCI_SPACE];	/* bits that the driver stores */
	uint32_t end;			/* of the capabilities */
	uint32_t link;			/* of the byte that names the next one */
};

void virtdev_pci_space_init(struct pci_space *s);

/* A field of 1, 2, 4 or 8 bytes, little-endian. */
uint64_t virtdev_pci_space_get(const struct pci_space *s, uint32_t at, uint32_t len);
void virtdev_pci_space_set(struct pci_space *s, uint32_t at, uint32_t len,
		   uint64_t value);
void virtdev_pci_space_let_write(struct pci_space *s, uint32_t at, uint32_t len,
			 uint64_t bits);

/* A BAR of 64 bits; its length is a power of two. */
void virtdev_pci_space_add_bar(struct pci_space *s, unsigned int bar, uint64_t len,
		       bool prefetchable);
uint64_t virtdev_pci_space_bar(const struct pci_space *s, unsigned int bar);

/*
 * Appends one of that many bytes with its two bytes of header, the first of
 * which is id; returns where it begins. There is room for what pci.c has.
 */
uint32_t virtdev_pci_space_add_capability(struct pci_space *s, uint8_t id,
				  uint32_t len);

/* The driver's accesses; those that are not aligned read all ones. */
uint32_t virtdev_pci_space_read(const struct pci_space *s, uint32_t at, uint32_t len);
void virtdev_pci_space_write(struct pci_space *s, uint32_t at, uint32_t len,
		     uint32_t value);

#endif
