/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The two transports of the hostile guest. */
#include <vm-arch/boot_protocol.h>

#include "hostile_registers.h"
#include "lib.h"

static uint32_t entries_of(uint32_t max)
{
	return max < ENTRIES ? max : ENTRIES;
}

/* ---------------------------------------------------------- virtio over mmio */

static uint64_t mmio_features(const struct target *t)
{
	uint64_t low;

	mmio_write32(t->base + 0x14, 0);
	low = mmio_read32(t->base + 0x10);
	mmio_write32(t->base + 0x14, 1);
	return low | (uint64_t)mmio_read32(t->base + 0x10) << 32;
}

static void mmio_accept(const struct target *t, uint64_t features)
{
	mmio_write32(t->base + 0x24, 0);
	mmio_write32(t->base + 0x20, (uint32_t)features);
	mmio_write32(t->base + 0x24, 1);
	mmio_write32(t->base + 0x20, (uint32_t)(features >> 32));
}

static void mmio_status(const struct target *t, uint8_t status)
{
	mmio_write32(t->base + 0x70, status);
}

static uint16_t mmio_queue_set(const struct target *t, uint32_t queue)
{
	uint32_t i, size;

	mmio_write32(t->base + 0x30, queue);
	size = entries_of(mmio_read32(t->base + 0x34));
	if (!size)
		return 0;
	mmio_write32(t->base + 0x38, size);
	for (i = 0; i < 3; i++) {	/* descriptors, driver, device */
		mmio_write32(t->base + 0x80 + 16 * i,
			     (uint32_t)(RING(queue) + 0x4000 * i));
		mmio_write32(t->base + 0x84 + 16 * i, 0);
	}
	mmio_write32(t->base + 0x44, 1);
	return (uint16_t)size;
}

static void mmio_notify(const struct target *t, uint32_t queue)
{
	mmio_write32(t->base + 0x50, queue);
}

const struct registers mmio_registers = {
	mmio_features, mmio_accept, mmio_status, mmio_queue_set, mmio_notify,
	0x100,
};

/* ----------------------------------------------------------- virtio over PCI */

#define PCI_NOTIFY 0x3000u
#define PCI_TABLE 0x4000u

static uint64_t pci_features(const struct target *t)
{
	uint64_t low;

	mmio_write32(t->base, 0);
	low = mmio_read32(t->base + 4);
	mmio_write32(t->base, 1);
	return low | (uint64_t)mmio_read32(t->base + 4) << 32;
}

static void pci_accept(const struct target *t, uint64_t features)
{
	mmio_write32(t->base + 8, 0);
	mmio_write32(t->base + 12, (uint32_t)features);
	mmio_write32(t->base + 8, 1);
	mmio_write32(t->base + 12, (uint32_t)(features >> 32));
}

static void pci_status(const struct target *t, uint8_t status)
{
	mmio_write8(t->base + 20, status);
}

static uint16_t pci_queue_set(const struct target *t, uint32_t queue)
{
	uint16_t size;
	uint32_t i;

	mmio_write16(t->base + 22, (uint16_t)queue);
	size = (uint16_t)entries_of(mmio_read16(t->base + 24));
	if (!size)
		return 0;
	mmio_write16(t->base + 24, size);
	mmio_write16(t->base + 26, (uint16_t)queue);
	for (i = 0; i < 3; i++) {
		mmio_write32(t->base + 32 + 8 * i,
			     (uint32_t)(RING(queue) + 0x4000 * i));
		mmio_write32(t->base + 36 + 8 * i, 0);
	}
	mmio_write16(t->base + 28, 1);
	return size;
}

static void pci_notify(const struct target *t, uint32_t queue)
{
	mmio_write16(t->base + PCI_NOTIFY + 4 * queue, (uint16_t)queue);
}

static const struct registers pci_registers = {
	pci_features, pci_accept, pci_status, pci_queue_set, pci_notify, 0x2000,
};

/* Changes the message of every vector while the function is masked. */
static void toggle_vectors(const struct target *t, uint32_t first)
{
	const uint32_t n = (mmio_read16(t->space + t->msix + 2) & 0x7ffu) + 1;
	uint32_t i;

	mmio_write16(t->space + t->msix + 2, 0xc000);
	for (i = 0; i < n; i++) {
		mmio_write32(t->base + PCI_TABLE + 16 * i, MESSAGE_ADDRESS);
		mmio_write32(t->base + PCI_TABLE + 16 * i + 8,
			     0x30 + (first + i) % 64);
		mmio_write32(t->base + PCI_TABLE + 16 * i + 12, 0);
	}
	mmio_write16(t->space + t->msix + 2, 0x8000);
}

void toggle_function(const struct target *t, uint32_t first)
{
	uint32_t i;

	if (!t->space)
		return;
	toggle_vectors(t, first);
	for (i = 0; i < 10; i++) {
		mmio_write16(t->space + 4, 0);
		mmio_write16(t->space + 4, 6);
	}
}

bool pci_find(struct target *t, unsigned int slot)
{
	uint32_t cap;

	t->registers = &pci_registers;
	t->space = PCI_ECAM + slot * UINT64_C(0x8000);
	if (mmio_read16(t->space) != 0x1af4)
		return false;
	t->id = mmio_read16(t->space + 2) - 0x1040u;
	t->base = mmio_read32(t->space + 0x10) & ~15u;
	cap = mmio_read8(t->space + 0x34);
	while (cap && mmio_read8(t->space + cap) != 0x11)
		cap = mmio_read8(t->space + cap + 1);
	t->msix = cap;
	mmio_write16(t->space + 4, 6);
	return true;
}
