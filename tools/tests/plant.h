/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Values of a hostile back-end in split rings, while the real one is stopped. */
#ifndef TOOLS_TESTS_PLANT_H
#define TOOLS_TESTS_PLANT_H

#include "bench_rig.h"

#define AT(gpa) queues_at(q, gpa, 4096)

/* The head of the chain that was made available last. */
static uint16_t last_head(const struct queues *q, uint32_t ring)
{
	const unsigned char *avail = AT(vq_driver_driver_gpa(q->rings[ring].driver));
	uint16_t index, head;

	memcpy(&index, avail + 2, sizeof(index));
	memcpy(&head, avail + 4 + 2 * ((index - 1) % q->size), sizeof(head));
	return head;
}

/* Moves the index of the used ring, without writing an entry. */
static void jump(const struct queues *q, uint32_t ring, uint16_t n)
{
	unsigned char *used = AT(vq_driver_device_gpa(q->rings[ring].driver));
	uint16_t index;

	memcpy(&index, used + 2, sizeof(index));
	index = (uint16_t)(index + n);
	memcpy(used + 2, &index, sizeof(index));
}

static void use(const struct queues *q, uint32_t ring, uint32_t head, uint32_t written)
{
	unsigned char *used = AT(vq_driver_device_gpa(q->rings[ring].driver));
	const uint32_t entry[2] = { head, written };
	uint16_t index;

	memcpy(&index, used + 2, sizeof(index));
	memcpy(used + 4 + 8 * (index % q->size), entry, sizeof(entry));
	jump(q, ring, 1);
}

#endif
