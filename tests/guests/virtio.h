/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A minimal driver for virtio devices, behind virtio-mmio version 2 or PCI, with split
 * rings; polled unless wait is set (VIRTIO 1.3, sections 4.1, 4.2 and 2.7).
 */
#ifndef GUEST_VIRTIO_H
#define GUEST_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_QUEUES 12	/* a console with five ports */
#define RING_SIZE 16		/* maximum; a device may support less */

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

struct transport;

struct device {
	const struct transport *transport;
	uint64_t base;		/* its registers */
	uint64_t space;		/* PCI: configuration space */
	uint32_t msix;		/* PCI: offset of the capability, or 0 */
	uint32_t message;	/* PCI: number of queue 0's interrupt; 0: none */
	uint32_t id;
	uint64_t features;	/* negotiated */
	uint32_t nqueues;	/* number of queues that are set up */
	struct queue *queues[MAX_QUEUES];
	/*
	 * Waits for an interrupt of a queue; false if none was raised. If NULL, rings
	 * are polled and interrupts suppressed.
	 */
	bool (*wait)(struct device *dev, uint32_t queue);
};

/* A register interface. */
struct transport {
	uint64_t (*offered)(const struct device *dev);
	void (*accept)(const struct device *dev, uint64_t features);
	uint8_t (*status)(const struct device *dev);
	void (*set_status)(const struct device *dev, uint8_t status);
	/* The maximum size; 0: the queue does not exist, or it runs. */
	uint32_t (*queue_size)(const struct device *dev, uint32_t queue);
	bool (*queue_start)(const struct device *dev, uint32_t queue,
			    const struct queue *q);
	void (*notify)(const struct device *dev, uint32_t queue);
	uint64_t config;	/* offset of the device's configuration */
};

struct piece {
	const void *at;
	uint32_t len;
	bool writable;
};

/* False if base has no device behind virtio-mmio. */
bool device_find(struct device *dev, uint64_t base);

/*
 * False if the slot has no virtio device. Otherwise its memory decoding is enabled; set
 * message for interrupts.
 */
bool device_find_pci(struct device *dev, uint32_t slot);

/* Resets the device and negotiates the offered features of wanted. */
bool device_negotiate(struct device *dev, uint64_t wanted);

uint64_t device_offered(const struct device *dev);

/* Sets up every queue that exists, then sets DRIVER_OK. */
bool device_start(struct device *dev);

/* MMIO: reads and acknowledges the interrupt status; 0: no interrupt. */
uint32_t device_acknowledge(struct device *dev);

/* Sends one request; one at a time for each queue. */
void queue_offer(struct device *dev, uint32_t queue, const struct piece *pieces,
		 unsigned int n);

/*
 * Waits up to 30 seconds for it, or for an interrupt; returns the bytes written, or
 * -1.
 */
int64_t queue_wait(struct device *dev, uint32_t queue);

/* Whether the device has completed the request. */
bool queue_is_used(const struct device *dev, uint32_t queue);

/* Both: offers the request and waits for it. */
int64_t queue_do(struct device *dev, uint32_t queue, const struct piece *pieces,
		 unsigned int n);

uint8_t config_read8(const struct device *dev, uint32_t off);
uint16_t config_read16(const struct device *dev, uint32_t off);
uint64_t config_read64(const struct device *dev, uint32_t off);

/* MMIO: a shared memory region; false when it does not exist. */
bool shared_region(const struct device *dev, uint32_t id, uint64_t *base,
		   uint64_t *len);

#endif
