/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of virtio-mmio devices. */
#include "lib.h"
#include "virtio.h"

enum {
	MAGIC = 0x000, VERSION = 0x004, DEVICE_ID = 0x008,
	DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
	DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
	QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038,
	QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050,
	INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064, STATUS = 0x070,
	QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0,
	SHM_SEL = 0x0ac, SHM_LEN = 0x0b0, SHM_BASE = 0x0b8, CONFIG = 0x100,
};

static uint32_t get(const struct device *dev, uint32_t reg)
{
	return mmio_read32(dev->base + reg);
}

static void set(const struct device *dev, uint32_t reg, uint32_t value)
{
	mmio_write32(dev->base + reg, value);
}

static void set64(const struct device *dev, uint32_t reg, const void *at)
{
	set(dev, reg, (uint32_t)(uintptr_t)at);
	set(dev, reg + 4, (uint32_t)((uint64_t)(uintptr_t)at >> 32));
}

static uint64_t offered(const struct device *dev)
{
	uint64_t low;

	set(dev, DEVICE_FEATURES_SEL, 0);
	low = get(dev, DEVICE_FEATURES);
	set(dev, DEVICE_FEATURES_SEL, 1);
	return low | (uint64_t)get(dev, DEVICE_FEATURES) << 32;
}

static void accept(const struct device *dev, uint64_t features)
{
	set(dev, DRIVER_FEATURES_SEL, 0);
	set(dev, DRIVER_FEATURES, (uint32_t)features);
	set(dev, DRIVER_FEATURES_SEL, 1);
	set(dev, DRIVER_FEATURES, (uint32_t)(features >> 32));
}

static uint8_t status(const struct device *dev)
{
	return (uint8_t)get(dev, STATUS);
}

static void set_status(const struct device *dev, uint8_t value)
{
	set(dev, STATUS, value);
}

static uint32_t queue_size(const struct device *dev, uint32_t queue)
{
	set(dev, QUEUE_SEL, queue);
	return get(dev, QUEUE_READY) ? 0 : get(dev, QUEUE_NUM_MAX);
}

static bool queue_start(const struct device *dev, uint32_t queue,
			const struct queue *q)
{
	set(dev, QUEUE_SEL, queue);
	set(dev, QUEUE_NUM, q->size);
	set64(dev, QUEUE_DESC, q->table);
	set64(dev, QUEUE_DRIVER, &q->avail);
	set64(dev, QUEUE_DEVICE, &q->used);
	set(dev, QUEUE_READY, 1);
	return get(dev, QUEUE_READY) == 1;
}

static void notify(const struct device *dev, uint32_t queue)
{
	set(dev, QUEUE_NOTIFY, queue);
}

static const struct transport mmio = {
	offered, accept, status, set_status, queue_size, queue_start, notify,
	CONFIG,
};

bool device_find(struct device *dev, uint64_t base)
{
	dev->transport = &mmio;
	dev->base = base;
	dev->id = get(dev, DEVICE_ID);
	return get(dev, MAGIC) == 0x74726976 && get(dev, VERSION) == 2 &&
	       dev->id;
}

uint32_t device_acknowledge(struct device *dev)
{
	uint32_t reasons = get(dev, INTERRUPT_STATUS);

	set(dev, INTERRUPT_ACK, reasons);
	return reasons;
}

bool shared_region(const struct device *dev, uint32_t id, uint64_t *base,
		   uint64_t *len)
{
	set(dev, SHM_SEL, id);
	*len = get(dev, SHM_LEN) | (uint64_t)get(dev, SHM_LEN + 4) << 32;
	*base = get(dev, SHM_BASE) | (uint64_t)get(dev, SHM_BASE + 4) << 32;
	return *len != UINT64_MAX;
}
