/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Life and rings of virtio devices. */
#include "lib.h"
#include "virtio.h"

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8,
       NEEDS_RESET = 64 };

#define AVAIL_NO_INTERRUPT 1
#define TIMEOUT_MS 30000

uint64_t device_offered(const struct device *dev)
{
	return dev->transport->offered(dev);
}

/* A reset ends when the started requests have. */
static bool reset(const struct device *dev)
{
	const uint32_t start = now_ms();

	dev->transport->set_status(dev, 0);
	while (dev->transport->status(dev))
		if (now_ms() - start > TIMEOUT_MS)
			return false;
	return true;
}

bool device_negotiate(struct device *dev, uint64_t wanted)
{
	const struct transport *t = dev->transport;

	if (!reset(dev))
		return false;
	t->set_status(dev, ACKNOWLEDGE);
	t->set_status(dev, ACKNOWLEDGE | DRIVER);
	dev->features = device_offered(dev) & wanted;
	t->accept(dev, dev->features);
	t->set_status(dev, ACKNOWLEDGE | DRIVER | FEATURES_OK);
	return (t->status(dev) & FEATURES_OK) &&
	       (dev->features & FEATURE_VERSION_1);
}

static bool start_queue(struct device *dev, uint32_t i)
{
	const uint32_t max = dev->transport->queue_size(dev, i);
	struct queue *q = dev->queues[i];

	if (!max)
		return false;
	if (!q)
		q = dev->queues[i] = take_pages(sizeof(*q));
	memset(q, 0, sizeof(*q));
	q->size = (uint16_t)(max < RING_SIZE ? max : RING_SIZE);
	q->avail.flags = dev->wait ? 0 : AVAIL_NO_INTERRUPT;
	return dev->transport->queue_start(dev, i, q);
}

bool device_start(struct device *dev)
{
	const struct transport *t = dev->transport;

	dev->nqueues = 0;
	while (dev->nqueues < MAX_QUEUES && start_queue(dev, dev->nqueues))
		dev->nqueues++;
	t->set_status(dev, (uint8_t)(t->status(dev) | DRIVER_OK));
	return dev->nqueues && (t->status(dev) & DRIVER_OK);
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
	return (dev->transport->status(dev) & NEEDS_RESET) ||
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

/* In interrupt mode each request must raise an interrupt when it completes. */
static bool wait_used(struct device *dev, uint32_t queue)
{
	const struct queue *q = dev->queues[queue];

	if (!dev->wait)
		return poll_used(dev, q);
	do
		if (!dev->wait(dev, queue))
			return false;
	while (!is_used(q));
	return true;
}

bool queue_is_used(const struct device *dev, uint32_t queue)
{
	return is_used(dev->queues[queue]);
}

void queue_offer(struct device *dev, uint32_t queue, const struct piece *pieces,
		 unsigned int n)
{
	make_available(dev->queues[queue], pieces, n);
	dev->transport->notify(dev, queue);
}

int64_t queue_wait(struct device *dev, uint32_t queue)
{
	struct queue *q = dev->queues[queue];
	uint32_t slot = q->last_used % q->size;

	if (!wait_used(dev, queue) || q->used.ring[slot].id != 0)
		return -1;
	q->last_used++;
	return q->used.ring[slot].len;
}

int64_t queue_do(struct device *dev, uint32_t queue, const struct piece *pieces,
		 unsigned int n)
{
	queue_offer(dev, queue, pieces, n);
	return queue_wait(dev, queue);
}

uint8_t config_read8(const struct device *dev, uint32_t off)
{
	return mmio_read8(dev->base + dev->transport->config + off);
}

uint16_t config_read16(const struct device *dev, uint32_t off)
{
	return (uint16_t)(config_read8(dev, off) |
			  config_read8(dev, off + 1) << 8);
}

static uint32_t config_read32(const struct device *dev, uint32_t off)
{
	return mmio_read32(dev->base + dev->transport->config + off);
}

uint64_t config_read64(const struct device *dev, uint32_t off)
{
	return config_read32(dev, off) |
	       (uint64_t)config_read32(dev, off + 4) << 32;
}
