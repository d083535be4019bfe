/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues that this process serves, as the files of this room see them. */
#ifndef VIRTIO_DEVICES_INLINE_PRIV_H
#define VIRTIO_DEVICES_INLINE_PRIV_H

#include <sys/epoll.h>

#include <virtio-devices/inline.h>

/* Descriptors that one dispatch serves at most. */
#define INLINE_EVENTS 4

/* Tags of epoll: the timer, or a queue's number and which of its descriptors. */
#define INLINE_TAG_TIMER UINT64_MAX
#define INLINE_TAG_HOST (UINT64_C(1) << 32)

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
	struct virtdev_server_ops owner;	/* of regions */
	void *owner_opaque;
	int epoll_fd, timer_fd;
	bool stopping;		/* queues finish what they took */
	bool resets;		/* some queue is being reset by itself */
	bool resetting;		/* the device, without its owner's help */
	int nevents;		/* that a dispatch had no time for */
	struct epoll_event events[INLINE_EVENTS];
	bool start_failed;	/* and the owner was told why */
	uint32_t nqueues;
	struct inline_queue queues[];
};

/* inline.c: adds fd to epoll_fd with a tag. */
int virtdev_priv_inline_watch(const struct virtdev_inline *h, int fd,
			      uint64_t tag);
/* The default for the transport's reset, which a dispatch completes. */
int virtdev_priv_inline_reset(void *opaque);

/* inline_region.c: see struct virtdev_server_ops. */
int virtdev_priv_inline_region_change(void *opaque, bool map,
				      const struct virtdev_mapping *m,
				      uint64_t cookie);
int virtdev_priv_inline_region_address(void *opaque, uint8_t region,
				       uint64_t *gpa);
/* Unmaps all files from the regions that a reset empties. */
void virtdev_priv_inline_empty_regions(struct virtdev_inline *h);

#endif
