/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rings of a guest that is fuzzed. */
#ifndef FUZZ_RING_H
#define FUZZ_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-queue/driver.h>

/* Starts a queue of the device on a ring that `dc` lays out; the driver is new. */
struct vq_driver *queue_begin(struct virtdev *dev, uint32_t queue,
			      struct vq *q,
			      const struct vq_driver_config *dc);
/*
 * Stops one that was drained: nothing may be in flight. Was the ring broken?
 * The driver stays, so that what came back can be looked at.
 */
bool queue_end(struct virtdev *dev, uint32_t queue, struct vq *q);

#endif
