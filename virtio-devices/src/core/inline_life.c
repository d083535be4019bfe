/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creation of the inline server, and its connections to device and transport. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "core/device_struct.h"
#include "core/inline_priv.h"
#include "core/transport_priv.h"

/* --------------------------------------------------- callbacks for the device */

static void on_notify(void *opaque, uint32_t queue)
{
	const struct virtdev_server *s = opaque;

	virtdev_transport_interrupt(s->t, queue);
}

static void on_queue_wake(void *opaque, uint32_t queue)
{
	const struct virtdev_server *s = opaque;
	const struct inline_server *h = s->self;

	vsu_event_signal_own(h->queues[queue].kick_fd);
}

static const struct virtdev_server_ops device_ops = {
	.size = sizeof(device_ops), .notify = on_notify,
	.config_changed = virtdev_priv_server_config_changed,
	.queue_broken = virtdev_priv_server_queue_broken,
	.region_change = virtdev_priv_inline_region_change,
	.region_address = virtdev_priv_inline_region_address,
	.queue_wait = virtdev_priv_inline_queue_wait, .queue_wake = on_queue_wake,
};

/* ------------------------------------------------------ operations of the server */

static int inline_kick_fd(const void *self, uint32_t queue)
{
	const struct inline_server *h = self;

	return h->queues[queue].kick_fd;
}

static uint64_t inline_faults(const void *self, uint32_t queue, struct vq_fault *last)
{
	const struct inline_server *h = self;

	if (last)
		vq_last_fault(h->queues[queue].vq, last);
	return vq_counter(h->queues[queue].vq, VQ_COUNT_FAULTS);
}

/* The queues read their space. */
static int inline_set_memory(void *self, struct vmem_map *map, struct vsu_error *err)
{
	const struct inline_server *h = self;
	uint32_t i;

	(void)map;
	(void)err;
	for (i = 0; i < h->nqueues; i++)
		vq_refresh(h->queues[i].vq);
	return 0;
}

static void close_all(struct inline_server *h)
{
	uint32_t i;

	for (i = 0; i < h->nqueues; i++) {
		vq_free(h->queues[i].vq);
		if (!h->queues[i].is_rare)
			vsu_fd_close(&h->queues[i].kick_fd);
	}
	vsu_fd_close(&h->rare_fd);
	vsu_fd_close(&h->timer_fd);
	vsu_fd_close(&h->epoll_fd);
	free(h);
}

static void inline_free(void *self)
{
	struct inline_server *h = self;

	virtdev_priv_server_detach(&h->server);
	virtdev_priv_inline_empty_regions(h);
	close_all(h);
}

static const struct server_ops inline_ops = {
	.start = virtdev_priv_inline_start, .reset = virtdev_priv_inline_reset,
	.queue_reset = virtdev_priv_inline_reset_queue,
	.queue_start = virtdev_priv_inline_start_queue,
	.stop = virtdev_priv_inline_stop, .dispatch = virtdev_priv_inline_dispatch,
	.kick_fd = inline_kick_fd, .set_memory = inline_set_memory,
	.pause = virtdev_priv_inline_pause, .resume = virtdev_priv_inline_resume,
	.take = virtdev_priv_inline_take, .load = virtdev_priv_inline_load,
	.free = inline_free, .faults = inline_faults,
};

/* ------------------------------------------------------------------ creation */

static int make_rare_kick(struct inline_server *h)
{
	h->rare_fd = vsu_event_new();
	return h->rare_fd < 0 ? h->rare_fd :
	       virtdev_priv_inline_watch(h, h->rare_fd, INLINE_TAG_RARE);
}

static int make_kick(struct inline_server *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];
	int rc = 0;

	q->is_rare = h->dev->ops.queue_is_rare && h->dev->ops.queue_is_rare(h->dev->self, i);
	if (q->is_rare && h->rare_fd < 0)
		rc = make_rare_kick(h);
	q->kick_fd = q->is_rare ? h->rare_fd : vsu_event_new();
	return q->kick_fd < 0 ? q->kick_fd : rc;
}

static int make_queue(struct inline_server *h, uint32_t i,
		      struct vmem_space *space)
{
	struct inline_queue *q = &h->queues[i];
	int rc = vq_new(&q->vq);

	if (!rc)
		rc = make_kick(h, i);
	return rc < 0 ? rc : vq_set_space(q->vq, space);
}

static int make_all(struct inline_server *h, struct vmem_space *space)
{
	uint32_t i;
	int rc;

	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll_fd < 0)
		return -errno;
	h->timer_fd = rc = vsu_timer_new();
	if (rc >= 0)
		rc = virtdev_priv_inline_watch(h, h->timer_fd,
					       INLINE_TAG_TIMER);
	for (i = 0; rc >= 0 && i < h->nqueues; i++)
		rc = make_queue(h, i, space);
	return rc < 0 ? rc : 0;
}

int virtdev_inline_new(struct virtdev_transport *t, struct vmem_space *space,
		       const struct virtdev_server_ops *regions, void *opaque,
		       struct virtdev_server **out, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_transport_device(t);
	const uint32_t n = virtdev_get_info(dev)->nqueues;
	struct inline_server *h;
	uint32_t i;
	int rc;

	if (!space)
		return vsu_error_set(err, -EINVAL, "%s: no space with the guest's memory",
				     virtdev_name(dev));
	h = calloc(1, sizeof(*h) + n * sizeof(h->queues[0]));
	if (!h)
		return vsu_error_sys(err, -ENOMEM, "%s", virtdev_name(dev));
	h->t = t;
	h->dev = dev;
	h->nqueues = n;
	h->owner_opaque = opaque;
	h->epoll_fd = h->timer_fd = h->rare_fd = -1;
	for (i = 0; i < n; i++)
		h->queues[i].kick_fd = h->queues[i].host_fd = -1;
	rc = regions ? vsu_copy_sized(&h->owner, sizeof(h->owner), regions,
				      "struct virtdev_server_ops", err) : 0;
	if (!rc) {
		rc = make_all(h, space);
		h->server = (struct virtdev_server){
			.ops = &inline_ops, .self = h, .t = t, .fd = h->epoll_fd,
		};
		rc = rc < 0 ? vsu_error_sys(err, rc, "queues of %s", virtdev_name(dev)) :
			      virtdev_priv_server_attach(&h->server, &device_ops, err);
	}
	if (rc < 0) {
		close_all(h);
		return rc;
	}
	*out = &h->server;
	return 0;
}
