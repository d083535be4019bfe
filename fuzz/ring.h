/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rings of a fuzzed guest. */
#ifndef FUZZ_RING_H
#define FUZZ_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-queue/driver.h>

/* Starts a queue of the device on a ring that dc describes, with a new driver. */
struct vq_driver *queue_begin(struct virtdev *dev, uint32_t queue,
			      struct vq *q,
			      const struct vq_driver_config *dc);
/*
 * Stops a queue that was drained: nothing may be in flight. Returns whether the ring was
 * broken. The driver remains, so that returned chains can be checked.
 */
bool queue_end(struct virtdev *dev, uint32_t queue, struct vq *q);

#endif
