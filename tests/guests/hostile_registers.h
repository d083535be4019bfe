/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers of a device that the hostile guest attacks, over MMIO or PCI.
 */
#ifndef GUEST_HOSTILE_REGISTERS_H
#define GUEST_HOSTILE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#define RINGS 16u		/* maximum per device; further queues are not used */
#define ENTRIES 256u

/* Descriptors; at 0x4000 the driver's area, at 0x8000 the device's. */
#define RING(q) (MEMORY_BASE + 0x3000000UL + (q) * 0x10000UL)

struct target {
	const struct registers *registers;
	uint64_t base, space;	/* space: PCI configuration space, or 0 */
	uint32_t id, msix;	/* msix: its capability */
	uint32_t nqueues;
};

struct registers {
	uint64_t (*features)(const struct target *t);
	void (*accept)(const struct target *t, uint64_t features);
	void (*status)(const struct target *t, uint8_t status);
	/* Returns the size of the queue; 0 if it does not exist. */
	uint16_t (*queue_set)(const struct target *t, uint32_t queue);
	void (*notify)(const struct target *t, uint32_t queue);
	uint64_t config;	/* offset of the device's configuration */
};

extern const struct registers mmio_registers;

/*
 * False if the slot has no virtio device; otherwise enables its memory
 * decoding.
 */
bool pci_find(struct target *t, unsigned int slot);

/*
 * Changes the messages of all vectors, counting from FIRST, and toggles the
 * memory decoding of the function; does nothing on MMIO.
 */
void toggle_function(const struct target *t, uint32_t first);

#endif
