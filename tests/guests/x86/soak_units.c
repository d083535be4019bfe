/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices of a soak, which may be plugged and unplugged. */
#include "irq.h"
#include "lib.h"
#include "soak.h"

#define LIMIT_MS 60000
#define QUEUES 2u		/* of each device that have interrupts */
#define FEATURE_MQ (UINT64_C(1) << 12)
#define NET_MAC (UINT64_C(1) << 5)

static struct unit units[SLOTS];

struct unit *unit_enter(uint32_t slot, uint32_t id)
{
	struct unit *u = &units[slot];

	__atomic_fetch_add(&u->users, 1, __ATOMIC_SEQ_CST);
	if (u->dev.id == id && !__atomic_load_n(&u->closed, __ATOMIC_SEQ_CST))
		return u;
	unit_leave(u);
	return 0;
}

void unit_leave(struct unit *u)
{
	__atomic_fetch_sub(&u->users, 1, __ATOMIC_SEQ_CST);
}

uint32_t unit_find(uint32_t slot, uint32_t id)
{
	while (slot < SLOTS && units[slot].dev.id != id)
		slot++;
	return slot;
}

struct unit *unit_at(uint32_t slot)
{
	return &units[slot];
}

uint64_t units_done(void)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < SLOTS; i++)
		n += __atomic_load_n(&units[i].done, __ATOMIC_RELAXED);
	return n;
}

static bool wait_for(struct device *dev, uint32_t queue)
{
	return irq_wait(dev->message + queue, LIMIT_MS);
}

/* Two interrupts for each device; those of a later slot may be in use. */
static uint32_t message_of(uint32_t slot)
{
	return IRQS + slot % (MESSAGES / QUEUES) * QUEUES;
}

static bool unit_start(struct unit *u)
{
	struct device *dev = &u->dev;
	const uint64_t extra = dev->id == ID_BLOCK ? FEATURE_MQ : NET_MAC;

	u->offered = false;
	u->seen_lost = u->lost;
	if (device_negotiate(dev, FEATURE_VERSION_1 | extra) && device_start(dev))
		return true;
	fault("a device that does not start");
	return false;
}

/* A removed device's rings are used again for the next one in the slot. */
void unit_add(uint32_t slot)
{
	struct unit *u = &units[slot];
	uint32_t q;

	if (u->dev.id || !device_find_pci(&u->dev, slot))
		return;
	u->dev.wait = wait_for;
	u->dev.message = message_of(slot);
	for (q = 0; u->dev.id == ID_BLOCK && q < QUEUES; q++)
		irq_message_route(u->dev.message + q, q % SOAK_CPUS);
	memset(u->blocks, 0, sizeof(u->blocks));
	u->slot = slot;
	if ((u->dev.id != ID_BLOCK && u->dev.id != ID_NET) || !unit_start(u)) {
		u->dev.id = 0;
		return;
	}
	__atomic_store_n(&u->closed, 0, __ATOMIC_SEQ_CST);
}

static void unit_close(struct unit *u)
{
	__atomic_store_n(&u->closed, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&u->users, __ATOMIC_SEQ_CST))
		cpu_pause();
}

void unit_remove(uint32_t slot)
{
	struct unit *u = &units[slot];

	if (!u->dev.id)
		return;
	unit_close(u);
	u->dev.transport->set_status(&u->dev, 0);
	u->dev.id = 0;
}

void unit_restart(struct unit *u)
{
	unit_close(u);
	if (!unit_start(u))
		u->dev.id = 0;
	__atomic_store_n(&u->closed, 0, __ATOMIC_SEQ_CST);
}

int64_t unit_wait(struct unit *u, uint32_t queue)
{
	const uint32_t start = now_ms();
	const int64_t used = queue_wait(&u->dev, queue);

	if (used >= 0) {
		__atomic_fetch_add(&u->done, 1, __ATOMIC_RELAXED);
		return used;
	}
	__atomic_fetch_add(&u->lost, 1, __ATOMIC_RELAXED);
	fault(queue_is_used(&u->dev, queue) ?
	      "a request that completed without an interrupt" :
	      "a request that did not complete");
	print("slot %u, queue %u, after %u ms, status %u\n", u->slot, queue,
	      now_ms() - start, u->dev.transport->status(&u->dev));
	return -1;
}
