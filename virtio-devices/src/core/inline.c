/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues that this process serves behind a transport. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "core/inline_priv.h"

/* Descriptors that are looked at in one turn. */
#define TURN 4

/* Between two looks at requests that no descriptor tells of. */
#define LOOK_AGAIN_NS UINT64_C(1000000)

/* Tags of epoll: the timer, or a queue's number and which of its two. */
#define TAG_TIMER UINT64_MAX
#define TAG_HOST (UINT64_C(1) << 32)

/* ----------------------------------------------------------------- the home */

static void on_notify(void *opaque, uint32_t queue)
{
	const struct virtdev_inline *h = opaque;

	virtdev_transport_interrupt(h->t, queue);
}

static void on_config_changed(void *opaque)
{
	const struct virtdev_inline *h = opaque;

	virtdev_transport_config_changed(h->t);
}

static void on_queue_broken(void *opaque, uint32_t queue)
{
	const struct virtdev_inline *h = opaque;

	(void)queue;
	virtdev_transport_needs_reset(h->t);
}

static const struct virtdev_home_ops home_ops = {
	.size = sizeof(home_ops), .notify = on_notify,
	.config_changed = on_config_changed, .queue_broken = on_queue_broken,
	.region_change = virtdev_priv_inline_region_change,
	.region_address = virtdev_priv_inline_region_address,
};

/* --------------------------------------------------------------------- life */

static int watch_fd(const struct virtdev_inline *h, int fd, uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno
								     : 0;
}

static int make_queue(struct virtdev_inline *h, uint32_t i,
		      struct vmem_space *space)
{
	struct inline_queue *q = &h->queues[i];
	int rc = vq_new(&q->vq);

	if (rc < 0)
		return rc;
	q->kick_fd = rc = vsu_event_new();
	return rc < 0 ? rc : vq_set_space(q->vq, space);
}

static int make_all(struct virtdev_inline *h, struct vmem_space *space)
{
	uint32_t i;
	int rc;

	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll_fd < 0)
		return -errno;
	h->timer_fd = rc = vsu_timer_new();
	if (rc >= 0)
		rc = watch_fd(h, h->timer_fd, TAG_TIMER);
	for (i = 0; rc >= 0 && i < h->nqueues; i++)
		rc = make_queue(h, i, space);
	return rc < 0 ? rc : 0;
}

int virtdev_inline_new(struct virtdev_transport *t, struct vmem_space *space,
		       struct virtdev_inline **out, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_transport_device(t);
	const uint32_t n = virtdev_info(dev)->nqueues;
	struct virtdev_inline *h;
	uint32_t i;
	int rc;

	h = calloc(1, sizeof(*h) + n * sizeof(h->queues[0]));
	if (!h)
		return vsu_error_sys(err, -ENOMEM, "%s", virtdev_name(dev));
	h->t = t;
	h->dev = dev;
	h->nqueues = n;
	h->epoll_fd = h->timer_fd = -1;
	for (i = 0; i < n; i++)
		h->queues[i].kick_fd = h->queues[i].host_fd = -1;
	rc = make_all(h, space);
	if (rc < 0) {
		virtdev_inline_free(h);
		return vsu_error_sys(err, rc, "queues of %s",
				     virtdev_name(dev));
	}
	virtdev_set_home(dev, &home_ops, h);
	*out = h;
	return 0;
}

void virtdev_inline_free(struct virtdev_inline *h)
{
	uint32_t i;

	if (!h)
		return;
	virtdev_set_home(h->dev, NULL, NULL);
	for (i = 0; i < h->nqueues; i++) {
		vq_free(h->queues[i].vq);
		vsu_fd_close(&h->queues[i].kick_fd);
	}
	vsu_fd_close(&h->timer_fd);
	vsu_fd_close(&h->epoll_fd);
	free(h);
}

int virtdev_inline_fd(const struct virtdev_inline *h)
{
	return h->epoll_fd;
}

int virtdev_inline_kick_fd(const struct virtdev_inline *h, uint32_t queue)
{
	return h->queues[queue].kick_fd;
}

void virtdev_inline_refresh(struct virtdev_inline *h)
{
	uint32_t i;

	for (i = 0; i < h->nqueues; i++)
		vq_refresh(h->queues[i].vq);
}

/* ------------------------------------------------------------ start and stop */

/* A kick of one's own, so that the queue is looked at once at its start. */
static int watch_queue(struct virtdev_inline *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];
	int rc = watch_fd(h, q->kick_fd, i);

	q->host_fd = virtdev_queue_host_fd(h->dev, i);
	if (!rc && q->host_fd >= 0)
		rc = watch_fd(h, q->host_fd, i | TAG_HOST);
	return rc < 0 ? rc : vsu_event_signal_own(q->kick_fd);
}

static void unwatch_fd(const struct virtdev_inline *h, int fd)
{
	if (fd >= 0)
		epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void stop_queue(struct virtdev_inline *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];

	unwatch_fd(h, q->kick_fd);
	unwatch_fd(h, q->host_fd);
	virtdev_queue_stop(h->dev, i);
	q->base = vq_base(q->vq);
	vq_disable(q->vq);
	q->running = q->resetting = false;
}

static int start_queue(struct virtdev_inline *h, uint32_t i,
		       const struct vq_config *config, struct vsu_error *err)
{
	struct inline_queue *q = &h->queues[i];
	int rc = vq_enable(q->vq, config, err);

	if (rc < 0)
		return rc;
	rc = virtdev_queue_start(h->dev, i, q->vq, err);
	if (rc < 0) {
		vq_disable(q->vq);
		return rc;
	}
	q->running = true;
	q->paused = false;
	rc = watch_queue(h, i);
	if (rc < 0) {
		stop_queue(h, i);
		vsu_error_sys(err, rc, "its kicks cannot be waited for");
	}
	return rc;
}

int virtdev_inline_start(struct virtdev_inline *h, struct vsu_error *err)
{
	struct vq_config config;
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < h->nqueues; i++)
		if (virtdev_transport_queue(h->t, i, &config))
			rc = start_queue(h, i, &config, err);
	if (rc < 0 && err && !err->code)
		vsu_error_sys(err, rc, "the device does not start it");
	return rc < 0 ? vsu_error_prefix(err, rc, "queue %" PRIu32, i - 1) : 0;
}

/*
 * One step towards the stop of a queue: 0 when it has stopped, else how much is
 * left, or -EAGAIN when no descriptor tells of that.
 */
static int drain_queue(struct virtdev_inline *h, uint32_t i)
{
	int left;

	if (!h->queues[i].running)
		return 0;
	unwatch_fd(h, h->queues[i].kick_fd);
	left = virtdev_queue_drain(h->dev, i);
	if (!left)
		stop_queue(h, i);
	return left > 0 && h->queues[i].host_fd < 0 ? -EAGAIN : left;
}

/* -EAGAIN until no queue runs any more. */
static int drain_all(struct virtdev_inline *h)
{
	bool look_again = false;
	uint32_t i;
	int left;

	h->stopping = false;
	for (i = 0; i < h->nqueues; i++) {
		left = drain_queue(h, i);
		h->stopping = h->stopping || left;
		look_again = look_again || left < 0;
	}
	left = look_again ? vsu_timer_arm(h->timer_fd, LOOK_AGAIN_NS) : 0;
	if (left < 0)
		return left;
	return h->stopping ? -EAGAIN : 0;
}

/* The reset of one queue, whose end the transport is told of. */
static int reset_step(struct virtdev_inline *h, uint32_t i)
{
	const int left = drain_queue(h, i);

	/* without a timer nothing would ask again */
	if (left < 0 && vsu_timer_arm(h->timer_fd, LOOK_AGAIN_NS) < 0)
		virtdev_transport_needs_reset(h->t);
	return left;
}

int virtdev_inline_reset_queue(struct virtdev_inline *h, uint32_t queue)
{
	h->queues[queue].resetting = h->queues[queue].running;
	h->resets = reset_step(h, queue) != 0 || h->resets;
	return h->queues[queue].resetting;
}

int virtdev_inline_start_queue(struct virtdev_inline *h, uint32_t queue,
			       struct vsu_error *err)
{
	struct vq_config config;

	return virtdev_transport_queue(h->t, queue, &config) ?
	       start_queue(h, queue, &config, err) : 0;
}

static void go_on_with_resets(struct virtdev_inline *h)
{
	uint32_t i;

	h->resets = false;
	for (i = 0; i < h->nqueues; i++) {
		if (!h->queues[i].resetting)
			continue;
		if (reset_step(h, i))
			h->resets = true;
		else
			virtdev_transport_queue_reset_done(h->t, i);
	}
}

int virtdev_inline_stop(struct virtdev_inline *h)
{
	uint32_t i;

	for (i = 0; i < h->nqueues; i++)
		h->queues[i].paused = false;
	return drain_all(h);
}

int virtdev_inline_pause(struct virtdev_inline *h)
{
	uint32_t i;
	int rc;

	for (i = 0; i < h->nqueues; i++)
		h->queues[i].paused = h->queues[i].paused ||
				      h->queues[i].running;
	rc = drain_all(h);
	if (!rc)
		virtdev_pause(h->dev);
	return rc;
}

int virtdev_inline_resume(struct virtdev_inline *h)
{
	struct vq_config config;
	uint32_t i;
	int rc = 0;

	virtdev_resume(h->dev);
	for (i = 0; !rc && i < h->nqueues; i++) {
		if (!h->queues[i].paused ||
		    !virtdev_transport_queue(h->t, i, &config))
			continue;
		config.base = h->queues[i].base;
		rc = start_queue(h, i, &config, NULL);
	}
	if (rc < 0)
		virtdev_transport_needs_reset(h->t);
	return rc;
}

/* --------------------------------------------------------------------- turns */

/* For what is left the queue kicks itself, and waits for its next turn. */
static void serve_queue(struct virtdev_inline *h, uint32_t i)
{
	if (h->queues[i].running && !h->stopping && !h->queues[i].resetting &&
	    virtdev_queue_serve(h->dev, i) > 0)
		vsu_event_signal_own(h->queues[i].kick_fd);
}

static void on_event(struct virtdev_inline *h, uint64_t tag)
{
	const uint32_t i = (uint32_t)tag;

	if (tag == TAG_TIMER) {
		vsu_timer_drain(h->timer_fd, NULL);
		return;
	}
	if (!(tag & TAG_HOST))
		vsu_event_drain(h->queues[i].kick_fd, NULL);
	serve_queue(h, i);
}

void virtdev_inline_dispatch(struct virtdev_inline *h)
{
	struct epoll_event events[TURN];
	int n = epoll_wait(h->epoll_fd, events, TURN, 0), i;

	for (i = 0; i < n; i++)
		on_event(h, events[i].data.u64);
	if (h->resets && !h->stopping)
		go_on_with_resets(h);
}
