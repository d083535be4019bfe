/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Internal interface of links, for the network device. link.c has what is common to the
 * kinds of kinds.h and to kinds of an owner.
 */
#ifndef VIRTIO_DEVICES_LINK_PRIV_H
#define VIRTIO_DEVICES_LINK_PRIV_H

#include "virtio-devices/net_link.h"

struct virtdev_net_link {
	struct virtdev_net_link_ops ops;
	struct virtdev_net_link_info info;
	void *self;
	bool owned;		/* by a device, which frees it */
};

/* The name of its operations. */
const char *virtdev_priv_link_name(const struct virtdev_net_link *link);

/* Bytes before each frame, independent of negotiation (5.1.6.1). */
#define NET_HEADER ((uint32_t)sizeof(struct virtdev_net_header))

#endif
