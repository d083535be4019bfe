/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The inline server: queues that this process serves. For the files of core/. */
#ifndef VIRTIO_DEVICES_INLINE_PRIV_H
#define VIRTIO_DEVICES_INLINE_PRIV_H

#include <sys/epoll.h>

#include <virtio-devices/inline.h>

#include "core/server_priv.h"

/* Maximum descriptors served by one dispatch. */
#define INLINE_EVENTS 4

/* epoll tags: the timer, the shared kick, or a queue's number and the kind of descriptor. */
#define INLINE_TAG_TIMER UINT64_MAX
#define INLINE_TAG_RARE (UINT64_MAX - 1)
#define INLINE_TAG_HOST (UINT64_C(1) << 32)

struct inline_queue {
	struct vq *vq;
	int kick_fd;		/* or rare_fd of the server, if the queue is rare */
	bool is_rare;
	bool kicked;		/* rare_fd was signalled, and the queue was not served since */
	int host_fd;		/* watched while the queue runs, or -1 */
	bool running;
	bool resetting;		/* queue reset: draining its requests */
	bool paused;		/* stopped; resumes at base */
	bool waiting;		/* is served again when the timer fires */
	uint32_t base;		/* ring position at the stop */
};

struct inline_server {
	struct virtdev_server server;
	struct virtdev_transport *t;
	struct virtdev *dev;
	struct virtdev_server_ops owner;	/* region callbacks */
	void *owner_opaque;
	int epoll_fd, timer_fd;
	int rare_fd;		/* kick of all rare queues; -1: none. Always watched */
	uint32_t rare_next;	/* the first rare queue to be served */
	bool rare_again;	/* the server itself signalled rare_fd, for the queues with
				   kicked set */
	uint64_t timer_at;	/* ns; the timer is armed for this time; 0: not armed */
	bool stopping;		/* all queues are draining */
	bool resets;		/* a queue reset is in progress */
	bool resetting;		/* device reset without the owner's callback */
	int nevents;		/* events left over by the last dispatch */
	struct epoll_event events[INLINE_EVENTS];
	uint32_t nqueues;
	struct inline_queue queues[];
};

/* inline.c: adds fd to epoll_fd with a tag. */
int virtdev_priv_inline_watch(const struct inline_server *h, int fd,
			      uint64_t tag);
/* See struct virtdev_server_ops; opaque is the struct virtdev_server. */
int virtdev_priv_inline_queue_wait(void *opaque, uint32_t queue, uint64_t ns);

/* Operations of the server; self is the struct inline_server. */
int virtdev_priv_inline_start(void *self, uint64_t features, struct vsu_error *err);
int virtdev_priv_inline_stop(void *self);
int virtdev_priv_inline_reset(void *self);
int virtdev_priv_inline_reset_queue(void *self, uint32_t queue);
int virtdev_priv_inline_start_queue(void *self, uint32_t queue, struct vsu_error *err);
int virtdev_priv_inline_pause(void *self);
int virtdev_priv_inline_resume(void *self, struct vsu_error *err);
void virtdev_priv_inline_dispatch(void *self);

/* inline_region.c: see struct virtdev_server_ops; opaque is the struct virtdev_server. */
int virtdev_priv_inline_region_change(void *opaque, bool map,
				      const struct virtdev_mapping *m,
				      uint64_t cookie);
int virtdev_priv_inline_region_address(void *opaque, uint8_t region,
				       uint64_t *gpa);
/* Unmaps all files from the regions that a reset empties. */
void virtdev_priv_inline_empty_regions(struct inline_server *h);

/* inline_state.c: operations of the server. */
int virtdev_priv_inline_take(void *self, void **bytes, size_t *len, struct vsu_error *err);
int virtdev_priv_inline_load(void *self, const void *bytes, size_t len, struct vsu_error *err);

#endif
