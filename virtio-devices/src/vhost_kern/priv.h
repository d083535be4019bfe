/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the kernel serves, from within.
 *
 *   side    an open node and the two rings that it serves: the device's queues
 *           2 * i and 2 * i + 1; a network card has one for each pair
 *   rings   all queues as the driver set them up, with where they stood when
 *           they were stopped; size is 0 for one that it did not
 */
#ifndef VIRTIO_DEVICES_KERN_PRIV_H
#define VIRTIO_DEVICES_KERN_PRIV_H

#include <virtio-devices/vhost_kern.h>

#include "net/priv.h"

struct virtdev_vhost_kern {
	struct virtdev *dev;
	struct net *net;		/* of a network card, which is dev's; or NULL */
	struct vsu_le64 cid;		/* of sockets: their configuration */
	uint32_t needed;		/* rings without which a side waits */
	bool started;
	uint64_t features;		/* the driver's, for the kernel */
	struct vmem_map *map;		/* that all sides have, or NULL */
	struct vhost_user_ring *rings;
	uint32_t nrings;
	uint32_t nsides;
	struct vhost_kern *sides[];
};

/* queues.c */

/* Starts or stops a side of a started device, as struct net_away has it. */
int virtdev_priv_kern_set_side(void *opaque, uint32_t side, bool on);

#endif
