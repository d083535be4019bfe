/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Measured latency of a device's requests (virtio-devices/latency.h), for programs.
 *
 * Threads: no state.
 */
#ifndef DEVICE_KINDS_LATENCY_H
#define DEVICE_KINDS_LATENCY_H

#include <stdint.h>

#include <device-kinds/attributes.h>
#include <virtio-devices/latency.h>

VSU_BEGIN_DECLS

struct devkind_latency_text {
	char text[24];
};

/*
 * Call it before its queues start. Free *out by free() after virtdev_free(); NULL: devices of
 * this kind measure nothing. -ENOMEM.
 */
DEVKIND_API int devkind_latency_measure(struct virtdev *dev,
					struct virtdev_measured **out) VSU_NODISCARD;

/* A bucket's bound for people: "20us". */
DEVKIND_API struct devkind_latency_text devkind_latency_bound(uint32_t bucket);

VSU_END_DECLS

#endif
