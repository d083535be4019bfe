/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Measured latency of a device's requests (virtio-devices/latency.h), for programs.
 *
 * Threads: no state.
 */
#ifndef DEVICE_KINDS_LATENCY_H
#define DEVICE_KINDS_LATENCY_H

#include <stdint.h>

#include <virtio-devices/latency.h>

struct vmm_latency_text {
	char text[24];
};

/*
 * Before its queues start. Free *out by free() after virtdev_free(); NULL: devices of
 * this kind measure nothing. -ENOMEM.
 */
int vmm_latency_measure(struct virtdev *dev, struct virtdev_measured **out);

/* A bucket's bound for people: "20us". */
struct vmm_latency_text vmm_latency_bound(uint32_t bucket);

#endif
