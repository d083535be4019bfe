/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device whose queues the kernel serves, from within. */
#ifndef VIRTIO_DEVICES_KERN_PRIV_H
#define VIRTIO_DEVICES_KERN_PRIV_H

#include <virtio-devices/vhost_kern.h>

#include "link/link_priv.h"

#define KERN_SPACE_MAX 24u

struct virtdev_vhost_kern {
	struct vhost_kern *kernel;
	struct virtdev *dev;
	struct virtdev_net_link *link;	/* of a network card, or NULL */
	unsigned char space[KERN_SPACE_MAX];	/* configuration, constant */
};

/*
 * The kernel's side and the device; info->features are added to the kernel's,
 * and space is info->config_size bytes. Nothing but k itself stays on failure.
 */
int virtdev_priv_kern_open(struct virtdev_vhost_kern *k,
			   const struct vhost_kern_config *config,
			   const struct virtdev_info *info, const void *space,
			   struct vsu_error *err);

#endif
