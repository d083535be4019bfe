/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state that a device leaves for a replacement of its process.
 *
 * Threads: set, clear and load on the server's thread while no queue runs.
 * virtdev_priv_keep() on the thread that changes the state.
 */
#ifndef VIRTIO_DEVICES_KEPT_H
#define VIRTIO_DEVICES_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include <virtio-devices/device.h>

/* Bytes for a device that keeps its state: a card's tables of addresses need the most. */
#define VIRTDEV_KEPT_SIZE 16384u

/* For models: state_save may also be called while the device runs, from virtdev_priv_keep(). */
void virtdev_priv_set_keeps(struct virtdev *dev);
bool virtdev_priv_keeps(const struct virtdev *dev);

/* The memory, or NULL; the caller keeps it until the next call. */
void virtdev_priv_kept_set(struct virtdev *dev, void *bytes, size_t len);
/* For models: the driver has changed the state. Call it before the request is complete. */
void virtdev_priv_keep(struct virtdev *dev);
void virtdev_priv_kept_clear(struct virtdev *dev);
/* True: the device continues with the state of another process. err: why not. */
bool virtdev_priv_kept_load(struct virtdev *dev, struct vsu_error *err);

#endif
