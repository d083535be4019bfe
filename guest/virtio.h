/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A driver for virtio-mmio devices, version 2, with split rings, polled
 * unless somebody waits for interrupts
 * (VIRTIO 1.3, sections 4.2 and 2.7), as small as it can be.
 */
#ifndef GUEST_VIRTIO_H
#define GUEST_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_QUEUES 8
#define RING_SIZE 16		/* at most; a device may allow less */

#define FEATURE_VERSION_1 (UINT64_C(1) << 32)

struct descriptor {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags, next;
};

#define DESCRIPTOR_NEXT 1
#define DESCRIPTOR_WRITE 2

/* One ring; the three areas as the specification aligns them. */
struct queue {
	struct descriptor table[RING_SIZE];
	struct {
		uint16_t flags, idx, ring[RING_SIZE], event;
	} avail;
	struct {
		uint16_t flags, idx;
		struct { uint32_t id, len; } ring[RING_SIZE];
		uint16_t event;
	} used __attribute__((aligned(4)));
	uint16_t size, next_avail, last_used;
} __attribute__((aligned(4096)));

struct device {
	uint64_t base;
	uint32_t id;
	uint64_t features;	/* acknowledged */
	uint32_t nqueues;	/* that are set up */
	struct queue *queues[MAX_QUEUES];
	/* Waits for an interrupt, false: none came. Without it, rings are
	   polled and the device is asked for no interrupts. */
	bool (*wait)(struct device *dev);
};

struct piece {
	const void *at;
	uint32_t len;
	bool writable;
};

/* False when there is no device at base. */
bool device_find(struct device *dev, uint64_t base);

/* Resets it and acknowledges those of wanted that are offered. */
bool device_negotiate(struct device *dev, uint64_t wanted);

uint64_t device_offered(const struct device *dev);

/* Sets up every queue that exists, then DRIVER_OK. */
bool device_start(struct device *dev);

/* Takes the reasons of an interrupt back; 0: there was none. */
uint32_t device_acknowledge(struct device *dev);

/* One request, waited for up to 5 seconds; bytes written, or -1. */
int64_t queue_do(struct device *dev, uint32_t queue, const struct piece *pieces,
		 unsigned int n);

uint8_t config_read8(const struct device *dev, uint32_t off);
uint16_t config_read16(const struct device *dev, uint32_t off);
uint64_t config_read64(const struct device *dev, uint32_t off);

/* A shared memory region; false when it does not exist. */
bool shared_region(const struct device *dev, uint32_t id, uint64_t *base,
		   uint64_t *len);

#endif
