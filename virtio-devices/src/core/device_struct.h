/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* struct virtdev, for the files of core/. */
#ifndef VIRTIO_DEVICES_DEVICE_STRUCT_H
#define VIRTIO_DEVICES_DEVICE_STRUCT_H

#include <virtio-devices/device.h>

#include "core/state_priv.h"

struct virtdev_measured;

struct virtdev {
	struct virtdev_ops ops;
	struct virtdev_info info;
	void *self;
	struct virtdev_server_ops server;
	void *server_opaque;
	struct virtdev **transport;	/* the transport's pointer to this; or NULL */
	void (*report)(void *opaque, struct virtdev *dev,
		       const struct vsu_error *what);
	void *report_opaque;
	struct virtdev_measured *measured;	/* of each queue, borrowed; or NULL */
	bool keeps;		/* virtdev_set_keeps(): core/kept.h */
	bool (*continues)(void *self);	/* the model has its state in a file of its own:
					   core/kept.h; or NULL */
	unsigned char *kept;	/* memory of kept_len bytes, or NULL */
	size_t kept_len;
	bool paused;
	bool loads;		/* between the turns of a load by this reader: */
	struct virtdev_state_reader loaded;
};

/* Stores the state as virtdev_state_take() does; also of a running device. */
int virtdev_priv_state_collect(struct virtdev *dev, bool running, void **bytes,
			       size_t *len, struct vsu_error *err);

/* Whether these regions are valid. */
bool virtdev_priv_has_good_regions(const struct virtdev_info *info);

#endif
