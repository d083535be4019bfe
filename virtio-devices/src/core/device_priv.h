/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* For models with functions of their own, which take the device. */
#ifndef VIRTIO_DEVICES_DEVICE_PRIV_H
#define VIRTIO_DEVICES_DEVICE_PRIV_H

#include <virtio-devices/device.h>

/* The model's object if its ops have this name, else NULL. */
void *virtdev_priv_self(const struct virtdev *dev, const char *name);

#endif
