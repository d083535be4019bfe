/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues that this process serves, as the files of this room see them. */
#ifndef VIRTIO_DEVICES_INLINE_PRIV_H
#define VIRTIO_DEVICES_INLINE_PRIV_H

#include <virtio-devices/inline.h>

struct inline_queue {
	struct vq *vq;
	int kick_fd;
	int host_fd;		/* watched while it runs, or -1 */
	bool running;
	bool resetting;		/* by itself: it finishes what it took */
	bool paused;		/* stopped, to go on at base */
	uint32_t base;		/* where it was when it stopped */
};

struct virtdev_inline {
	struct virtdev_transport *t;
	struct virtdev *dev;
	struct virtdev_home_ops owner;	/* of regions */
	void *owner_opaque;
	int epoll_fd, timer_fd;
	bool stopping;		/* queues finish what they took */
	bool resets;		/* some queue is being reset by itself */
	uint32_t nqueues;
	struct inline_queue queues[];
};

/* inline_region.c: see struct virtdev_home_ops. */
int virtdev_priv_inline_region_change(void *opaque, bool map,
				      const struct virtdev_mapping *m,
				      uint64_t cookie);
int virtdev_priv_inline_region_address(void *opaque, uint8_t region,
				       uint64_t *gpa);

#endif
