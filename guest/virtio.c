/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers and rings of virtio-mmio devices. */
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

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8,
       NEEDS_RESET = 64 };

#define AVAIL_NO_INTERRUPT 1
#define TIMEOUT_MS 30000

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

bool device_find(struct device *dev, uint64_t base)
{
	dev->base = base;
	dev->id = get(dev, DEVICE_ID);
	return get(dev, MAGIC) == 0x74726976 && get(dev, VERSION) == 2 &&
	       dev->id;
}

uint64_t device_offered(const struct device *dev)
{
	uint64_t low;

	set(dev, DEVICE_FEATURES_SEL, 0);
	low = get(dev, DEVICE_FEATURES);
	set(dev, DEVICE_FEATURES_SEL, 1);
	return low | (uint64_t)get(dev, DEVICE_FEATURES) << 32;
}

bool device_negotiate(struct device *dev, uint64_t wanted)
{
	set(dev, STATUS, 0);
	set(dev, STATUS, ACKNOWLEDGE);
	set(dev, STATUS, ACKNOWLEDGE | DRIVER);
	dev->features = device_offered(dev) & wanted;
	set(dev, DRIVER_FEATURES_SEL, 0);
	set(dev, DRIVER_FEATURES, (uint32_t)dev->features);
	set(dev, DRIVER_FEATURES_SEL, 1);
	set(dev, DRIVER_FEATURES, (uint32_t)(dev->features >> 32));
	set(dev, STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	return (get(dev, STATUS) & FEATURES_OK) &&
	       (dev->features & FEATURE_VERSION_1);
}

static bool start_queue(struct device *dev, uint32_t i)
{
	struct queue *q = dev->queues[i];
	uint32_t max;

	set(dev, QUEUE_SEL, i);
	max = get(dev, QUEUE_NUM_MAX);
	if (!max || get(dev, QUEUE_READY))
		return false;
	if (!q)
		q = dev->queues[i] = take_pages(sizeof(*q));
	memset(q, 0, sizeof(*q));
	q->size = (uint16_t)(max < RING_SIZE ? max : RING_SIZE);
	q->avail.flags = dev->wait ? 0 : AVAIL_NO_INTERRUPT;
	set(dev, QUEUE_NUM, q->size);
	set64(dev, QUEUE_DESC, q->table);
	set64(dev, QUEUE_DRIVER, &q->avail);
	set64(dev, QUEUE_DEVICE, &q->used);
	set(dev, QUEUE_READY, 1);
	return get(dev, QUEUE_READY) == 1;
}

bool device_start(struct device *dev)
{
	dev->nqueues = 0;
	while (dev->nqueues < MAX_QUEUES && start_queue(dev, dev->nqueues))
		dev->nqueues++;
	set(dev, STATUS, get(dev, STATUS) | DRIVER_OK);
	return dev->nqueues && (get(dev, STATUS) & DRIVER_OK);
}

static void make_available(struct queue *q, const struct piece *pieces,
			   unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		q->table[i].gpa = (uint64_t)(uintptr_t)pieces[i].at;
		q->table[i].len = pieces[i].len;
		q->table[i].next = (uint16_t)(i + 1);
		q->table[i].flags = (i + 1 < n ? DESCRIPTOR_NEXT : 0) |
			(pieces[i].writable ? DESCRIPTOR_WRITE : 0);
	}
	q->avail.ring[q->next_avail % q->size] = 0;
	__atomic_store_n(&q->avail.idx, ++q->next_avail, __ATOMIC_RELEASE);
}

static bool is_used(const struct queue *q)
{
	return __atomic_load_n(&q->used.idx, __ATOMIC_ACQUIRE) != q->last_used;
}

/* The device has set NEEDS_RESET, or the time limit has expired. */
static bool is_lost(const struct device *dev, uint32_t start)
{
	return (get(dev, STATUS) & NEEDS_RESET) ||
	       now_ms() - start > TIMEOUT_MS;
}

static bool poll_used(const struct device *dev, const struct queue *q)
{
	uint32_t start = now_ms(), spins = 0;

	while (!is_used(q))
		if (!(++spins & 0xffff) && is_lost(dev, start))
			return false;
	return true;
}

/*
 * In interrupt mode each request must raise exactly one interrupt when it
 * completes.
 */
static bool wait_used(struct device *dev, const struct queue *q)
{
	if (!dev->wait)
		return poll_used(dev, q);
	do
		if (!dev->wait(dev))
			return false;
	while (!is_used(q));
	return true;
}

uint32_t device_acknowledge(struct device *dev)
{
	uint32_t reasons = get(dev, INTERRUPT_STATUS);

	set(dev, INTERRUPT_ACK, reasons);
	return reasons;
}

int64_t queue_do(struct device *dev, uint32_t queue, const struct piece *pieces,
		 unsigned int n)
{
	struct queue *q = dev->queues[queue];
	uint32_t slot = q->last_used % q->size;

	make_available(q, pieces, n);
	set(dev, QUEUE_NOTIFY, queue);
	if (!wait_used(dev, q) || q->used.ring[slot].id != 0)
		return -1;
	q->last_used++;
	return q->used.ring[slot].len;
}

uint8_t config_read8(const struct device *dev, uint32_t off)
{
	return mmio_read8(dev->base + CONFIG + off);
}

uint16_t config_read16(const struct device *dev, uint32_t off)
{
	return (uint16_t)(config_read8(dev, off) |
			  config_read8(dev, off + 1) << 8);
}

uint64_t config_read64(const struct device *dev, uint32_t off)
{
	return get(dev, CONFIG + off) |
	       (uint64_t)get(dev, CONFIG + off + 4) << 32;
}

bool shared_region(const struct device *dev, uint32_t id, uint64_t *base,
		   uint64_t *len)
{
	set(dev, SHM_SEL, id);
	*len = get(dev, SHM_LEN) | (uint64_t)get(dev, SHM_LEN + 4) << 32;
	*base = get(dev, SHM_BASE) | (uint64_t)get(dev, SHM_BASE + 4) << 32;
	return *len != UINT64_MAX;
}
