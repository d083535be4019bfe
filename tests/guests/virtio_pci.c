/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Registers of virtio devices on PCI (VIRTIO 1.3, section 4.1). The structures of cvmm's
 * functions are at fixed offsets of BAR 0, which cvmm has assigned. POLLED: no interrupts.
 */
#ifndef POLLED
#include <vm-arch/boot_protocol.h>

#include "irq.h"
#endif
#include "lib.h"
#include "virtio.h"

enum {
	FEATURES_SEL = 0, FEATURES = 4, ACCEPT_SEL = 8, ACCEPT = 12,
	CONFIG_VECTOR = 16, STATUS = 20, QUEUE_SEL = 22, QUEUE_SIZE = 24,
	QUEUE_VECTOR = 26, QUEUE_ENABLE = 28, QUEUE_DESC = 32,
	QUEUE_DRIVER = 40, QUEUE_DEVICE = 48,
};

#define CONFIG 0x2000u
#define NOTIFY 0x3000u
#define TABLE 0x4000u		/* 16 bytes for each vector */
#define NO_VECTOR 0xffff

#define VENDOR 0x1af4
#define FIRST_ID 0x1040u
#define COMMAND 0x04
#define DECODES_MEMORY_AND_MASTERS 6
#define BAR0 0x10
#define CAPABILITIES 0x34
#define MSIX 0x11
#define MSIX_CONTROL 2
#define MSIX_ENABLE 0x8000

static void write16(const struct device *dev, uint64_t reg, uint16_t value)
{
	mmio_write16(dev->base + reg, value);
}

static void write64(const struct device *dev, uint64_t reg, const void *at)
{
	mmio_write32(dev->base + reg, (uint32_t)(uintptr_t)at);
	mmio_write32(dev->base + reg + 4, (uint32_t)((uint64_t)(uintptr_t)at >> 32));
}

static uint64_t offered(const struct device *dev)
{
	uint64_t low;

	mmio_write32(dev->base + FEATURES_SEL, 0);
	low = mmio_read32(dev->base + FEATURES);
	mmio_write32(dev->base + FEATURES_SEL, 1);
	return low | (uint64_t)mmio_read32(dev->base + FEATURES) << 32;
}

static void accept(const struct device *dev, uint64_t features)
{
	mmio_write32(dev->base + ACCEPT_SEL, 0);
	mmio_write32(dev->base + ACCEPT, (uint32_t)features);
	mmio_write32(dev->base + ACCEPT_SEL, 1);
	mmio_write32(dev->base + ACCEPT, (uint32_t)(features >> 32));
}

static uint8_t status(const struct device *dev)
{
	return mmio_read8(dev->base + STATUS);
}

static void set_status(const struct device *dev, uint8_t value)
{
	mmio_write8(dev->base + STATUS, value);
}

static uint32_t queue_size(const struct device *dev, uint32_t queue)
{
	write16(dev, QUEUE_SEL, (uint16_t)queue);
	return mmio_read16(dev->base + QUEUE_ENABLE) ?
	       0 : mmio_read16(dev->base + QUEUE_SIZE);
}

#ifdef POLLED
static uint16_t set_vector(const struct device *dev, uint32_t queue)
{
	(void)dev;
	(void)queue;
	return NO_VECTOR;
}
#else
/* Vector i has the interrupt of queue i. */
static uint16_t set_vector(const struct device *dev, uint32_t queue)
{
	const uint64_t entry = dev->base + TABLE + 16 * queue;
	const uint32_t irq = dev->message + queue;

	if (!dev->message || !dev->msix)
		return NO_VECTOR;
	mmio_write32(entry, irq_message_address(irq));
	mmio_write32(entry + 4, 0);
	mmio_write32(entry + 8, irq_message_data(irq));
	mmio_write32(entry + 12, 0);
	return (uint16_t)queue;
}
#endif

static bool queue_start(const struct device *dev, uint32_t queue,
			const struct queue *q)
{
	write16(dev, QUEUE_SEL, (uint16_t)queue);
	write16(dev, QUEUE_SIZE, q->size);
	write16(dev, QUEUE_VECTOR, set_vector(dev, queue));
	write64(dev, QUEUE_DESC, q->table);
	write64(dev, QUEUE_DRIVER, &q->avail);
	write64(dev, QUEUE_DEVICE, &q->used);
	write16(dev, QUEUE_ENABLE, 1);
	return mmio_read16(dev->base + QUEUE_ENABLE) == 1;
}

static void notify(const struct device *dev, uint32_t queue)
{
	write16(dev, NOTIFY + 4 * queue, (uint16_t)queue);
}

static const struct transport pci = {
	offered, accept, status, set_status, queue_size, queue_start, notify,
	CONFIG,
};

static uint32_t find_msix(uint64_t space)
{
	uint8_t cap = mmio_read8(space + CAPABILITIES);

	while (cap && mmio_read8(space + cap) != MSIX)
		cap = mmio_read8(space + cap + 1);
	return cap;
}

bool device_find_pci(struct device *dev, uint32_t slot)
{
	const uint64_t space = PCI_ECAM + slot * UINT64_C(0x8000);

	if (mmio_read16(space) != VENDOR)
		return false;
	dev->transport = &pci;
	dev->space = space;
	dev->id = mmio_read16(space + 2) - FIRST_ID;
	dev->base = mmio_read32(space + BAR0) & ~15u;
	dev->msix = find_msix(space);
	mmio_write16(space + COMMAND, DECODES_MEMORY_AND_MASTERS);
	if (dev->msix)
		mmio_write16(space + dev->msix + MSIX_CONTROL, MSIX_ENABLE);
	return true;
}
