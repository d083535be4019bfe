/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state that a device leaves for a replacement of its process.
 *
 * Threads: set, clear and load on the server's thread while no queue runs.
 */
#ifndef VIRTIO_DEVICES_KEPT_H
#define VIRTIO_DEVICES_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include <virtio-devices/device.h>

/* Bytes for the state of a device; a network card's tables of addresses need the most. */
#define VIRTDEV_KEPT_SIZE 16384u

/* Whether sessions of the device need the room. */
bool virtdev_priv_keeps(const struct virtdev *dev);
/*
 * For a model that has its state in a file of its own: virtdev_keep() has no effect.
 * continues() returns whether the device continues with the state of another process.
 */
void virtdev_priv_set_keeps_apart(struct virtdev *dev, bool (*continues)(void *self));

/* The memory, or NULL; the caller keeps it until the next call. */
void virtdev_priv_kept_set(struct virtdev *dev, void *bytes, size_t len);
void virtdev_priv_kept_clear(struct virtdev *dev);
/* True: the device continues with the state of another process. err: the reason if not. */
bool virtdev_priv_kept_load(struct virtdev *dev, struct vsu_error *err);

#endif
