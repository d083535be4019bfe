/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Declarations for models whose public functions have a device as argument. */
#ifndef VIRTIO_DEVICES_DEVICE_PRIV_H
#define VIRTIO_DEVICES_DEVICE_PRIV_H

#include <virtio-devices/device.h>

typedef uint32_t virtdev_priv_stats_fn(void *self, struct virtdev_stat *stats,
				       uint32_t max);

/*
 * The model's object if stats is its statistics function, else NULL. This identifies
 * the model; the name does not, since a program's own device may have any name.
 */
void *virtdev_priv_self(const struct virtdev *dev, virtdev_priv_stats_fn *stats);

/* For models: makes the server serve a running queue once more, soon. Any thread. */
void virtdev_priv_queue_wake(struct virtdev *dev, uint32_t queue);

#endif
