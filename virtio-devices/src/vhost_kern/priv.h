/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the kernel serves: internal declarations.
 *
 *   side    an open vhost node and the two rings that it serves, the device's
 *           queues 2 * i and 2 * i + 1; a network card has one per queue pair
 *   rings   all queues as the driver set them up, and their index when they
 *           were stopped; size is 0 if the driver has not set up the queue
 */
#ifndef VIRTIO_DEVICES_KERN_PRIV_H
#define VIRTIO_DEVICES_KERN_PRIV_H

#include <virtio-devices/vhost_kern.h>

#include "net/priv.h"

struct virtdev_vhost_kern {
	struct virtdev *dev;
	struct net *net;		/* network card: state behind dev; else NULL */
	struct vsu_le64 cid;		/* vsock: configuration space */
	struct vq *events;		/* vsock: while the event queue runs; else NULL */
	bool resets;			/* vsock: the driver is to reset its transport */
	uint32_t needed;		/* a side starts only with this number of rings */
	bool started;
	uint64_t features;		/* acknowledged by the driver */
	struct vmem_map *map;		/* memory of all sides, or NULL */
	struct vhost_user_ring *rings;
	uint32_t nrings;
	uint32_t nsides;
	struct vhost_kern *sides[];
};

/* queues.c */

/* Starts or stops a side of a started device; see struct net_away. */
int virtdev_priv_kern_set_side(void *opaque, uint32_t side, bool on);

#endif
