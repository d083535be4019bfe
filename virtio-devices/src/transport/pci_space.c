/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* PCI configuration space: bytes and a write mask (PCI Local Bus 3.0, chapter 6). */
#include <config.h>

#include <string.h>

#include <vmm-sys-util/endian.h>

#include "transport/pci_space.h"

#define BAR_64_BITS 0x4u
#define BAR_PREFETCHABLE 0x8u
#define BAR_FLAGS UINT64_C(0xf)

uint64_t virtdev_pci_space_get(const struct pci_space *s, uint32_t at, uint32_t len)
{
	return vsu_le_load(s->bytes + at, len);
}

void virtdev_pci_space_set(struct pci_space *s, uint32_t at, uint32_t len,
		   uint64_t value)
{
	vsu_le_store(s->bytes + at, value, len);
}

void virtdev_pci_space_let_write(struct pci_space *s, uint32_t at, uint32_t len,
			 uint64_t bits)
{
	vsu_le_store(s->writable + at, bits, len);
}

void virtdev_pci_space_init(struct pci_space *s)
{
	memset(s, 0, sizeof(*s));
	s->end = PCI_HEADER;
	s->link = PCI_CAPABILITIES;
	virtdev_pci_space_let_write(s, PCI_COMMAND, 2, PCI_COMMAND_MEMORY |
			    PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
	virtdev_pci_space_let_write(s, PCI_LINE, 1, 0xff);
}

static uint32_t bar_offset(unsigned int bar)
{
	return PCI_BAR + 4 * bar;
}

void virtdev_pci_space_add_bar(struct pci_space *s, unsigned int bar, uint64_t len,
		       bool prefetchable)
{
	virtdev_pci_space_set(s, bar_offset(bar), 8,
		      BAR_64_BITS | (prefetchable ? BAR_PREFETCHABLE : 0));
	virtdev_pci_space_let_write(s, bar_offset(bar), 8, ~(len - 1) & ~BAR_FLAGS);
}

uint64_t virtdev_pci_space_bar(const struct pci_space *s, unsigned int bar)
{
	return virtdev_pci_space_get(s, bar_offset(bar), 8) & ~BAR_FLAGS;
}

uint32_t virtdev_pci_space_add_capability(struct pci_space *s, uint8_t id,
				  uint32_t len)
{
	const uint32_t at = s->end;

	s->bytes[s->link] = (uint8_t)at;
	s->bytes[at] = id;
	s->link = at + 1;
	s->end = (at + len + 3) & ~UINT32_C(3);
	return at;
}

static bool is_access(uint32_t at, uint32_t len)
{
	return (len == 1 || len == 2 || len == 4) && !(at % len) &&
	       at < PCI_SPACE;
}

uint32_t virtdev_pci_space_read(const struct pci_space *s, uint32_t at, uint32_t len)
{
	return is_access(at, len) ? (uint32_t)virtdev_pci_space_get(s, at, len)
				  : UINT32_MAX;
}

void virtdev_pci_space_write(struct pci_space *s, uint32_t at, uint32_t len,
		     uint32_t value)
{
	uint32_t i;

	for (i = 0; is_access(at, len) && i < len; i++) {
		const uint8_t mask = s->writable[at + i];

		s->bytes[at + i] = (uint8_t)((s->bytes[at + i] & ~mask) |
					     (value >> (8 * i) & mask));
	}
}
