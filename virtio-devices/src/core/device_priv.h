/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* For models with functions of their own, which take the device. */
#ifndef VIRTIO_DEVICES_DEVICE_PRIV_H
#define VIRTIO_DEVICES_DEVICE_PRIV_H

#include <virtio-devices/device.h>

typedef uint32_t virtdev_priv_stats_fn(void *self, struct virtdev_stat *stats,
				       uint32_t max);

/*
 * The model's object if this function of the model tells its figures, else
 * NULL. A name is no proof: a program's own device may bear any.
 */
void *virtdev_priv_self(const struct virtdev *dev, virtdev_priv_stats_fn *stats);

#endif
