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

#include <vhost/kernel.h>
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

/*
 * kern.c: sets the guest's memory, initially and after each change; codes of
 * vhost_kern_set_memory(). After -EBUSY, stop the queues before you unmap the
 * memory.
 */
int virtdev_priv_kern_set_memory(struct virtdev_vhost_kern *k, struct vmem_map *map,
				 struct vsu_error *err);

/* queues.c */

/* Starts or stops a side of a started device; see struct net_away. */
int virtdev_priv_kern_set_side(void *opaque, uint32_t side, bool on);

/* Whether this process serves the queue. */
bool virtdev_priv_kern_is_control(const struct virtdev_vhost_kern *k, uint32_t queue);

/*
 * Starts n queues as the driver set them up, after virtdev_set_features(): rings[i] is
 * queue i. A ring of size 0 is not set up; the control queue's ring is ignored. The
 * descriptors are borrowed until the stop. Codes of vhost_kern_start(); on failure no
 * queue runs.
 */
int virtdev_priv_kern_start(struct virtdev_vhost_kern *k, uint64_t features,
			    const struct vhost_user_ring *rings, uint32_t n,
			    struct vsu_error *err);
void virtdev_priv_kern_stop(struct virtdev_vhost_kern *k);
/*
 * Position of a queue after that stop, as vq_base(); 0 if it was not set up or is not the
 * kernel's.
 */
uint32_t virtdev_priv_kern_base(const struct virtdev_vhost_kern *k, uint32_t queue);

/*
 * Reset removes one queue from the kernel; start passes it to the kernel with its new
 * ring. The other queue of a card's pair continues at its index; sockets wait until both
 * queues are set up. A queue that the kernel does not serve is ignored. Errors of
 * virtdev_priv_kern_start(); both queues may then be stopped, and the driver must reset
 * the device.
 */
int virtdev_priv_kern_reset_queue(struct virtdev_vhost_kern *k, uint32_t queue,
				  struct vsu_error *err);
int virtdev_priv_kern_start_queue(struct virtdev_vhost_kern *k, uint32_t queue,
				  const struct vhost_user_ring *ring, struct vsu_error *err);

#endif
