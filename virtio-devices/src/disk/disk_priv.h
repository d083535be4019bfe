/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A disk from within: for the device models that drive its operations. */
#ifndef VIRTIO_DEVICES_DISK_PRIV_H
#define VIRTIO_DEVICES_DISK_PRIV_H

#include "virtio-devices/disk.h"

struct virtdev_disk {
	struct virtdev_disk_ops ops;
	struct virtdev_disk_info info;
	void *self;
	int fd;			/* of the file, the engine's; -1: there is none */
};

#endif
