/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The inline server: serves a device's queues in this process. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "core/inline_priv.h"

/* Poll interval for requests that no descriptor signals. */
#define LOOK_AGAIN_NS UINT64_C(1000000)

/* ------------------------------------------------------------ start and stop */

int virtdev_priv_inline_watch(const struct inline_server *h, int fd,
			      uint64_t tag)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno
								     : 0;
}

/* The kick of rare queues is always watched. */
static int watch_kick(const struct inline_server *h, uint32_t i)
{
	return h->queues[i].is_rare ? 0 : virtdev_priv_inline_watch(h, h->queues[i].kick_fd, i);
}

/* Signals the kick itself, so that the queue is served once at its start. */
static int watch_queue(struct inline_server *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];
	int rc = watch_kick(h, i);

	q->host_fd = virtdev_queue_host_fd(h->dev, i);
	if (!rc && q->host_fd >= 0)
		rc = virtdev_priv_inline_watch(h, q->host_fd, i | INLINE_TAG_HOST);
	return rc < 0 ? rc : vsu_event_signal_own(q->kick_fd);
}

/* The timer has several purposes: it is armed for the earliest time. */
static int timer_arm(struct inline_server *h, uint64_t ns)
{
	const uint64_t at = vsu_now_ns() + ns;
	int rc;

	if (h->timer_at && h->timer_at <= at)
		return 0;
	rc = vsu_timer_arm(h->timer_fd, ns);
	if (!rc)
		h->timer_at = at;
	return rc;
}

int virtdev_priv_inline_queue_wait(void *opaque, uint32_t queue, uint64_t ns)
{
	struct inline_server *h = ((struct virtdev_server *)opaque)->self;

	if (timer_arm(h, ns) < 0)
		return 1;
	h->queues[queue].waiting = true;
	return 0;
}

static void unwatch_fd(const struct inline_server *h, int fd)
{
	if (fd >= 0)
		epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void unwatch_kick(const struct inline_server *h, uint32_t i)
{
	if (!h->queues[i].is_rare)
		unwatch_fd(h, h->queues[i].kick_fd);
}

static void stop_queue(struct inline_server *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];

	unwatch_kick(h, i);
	unwatch_fd(h, q->host_fd);
	virtdev_queue_stop(h->dev, i);
	q->base = vq_base(q->vq);
	vq_disable(q->vq);
	if (q->resetting)
		virtdev_queue_reset(h->dev, i);
	q->running = q->resetting = q->waiting = false;
}

static int start_queue(struct inline_server *h, uint32_t i,
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
		vsu_error_sys(err, rc, "cannot wait for its kicks");
	}
	return rc;
}

int virtdev_priv_inline_start(void *self, uint64_t features, struct vsu_error *err)
{
	struct inline_server *h = self;
	struct vq_config config;
	uint32_t i;
	int rc = 0;

	(void)features;	/* the device has them */
	for (i = 0; !rc && i < h->nqueues; i++)
		if (virtdev_transport_queue(h->t, i, &config))
			rc = start_queue(h, i, &config, err);
	if (rc < 0 && err && !err->code)
		vsu_error_sys(err, rc, "the device does not start it");
	return rc < 0 ? vsu_error_prefix(err, rc, "queue %" PRIu32, i - 1) : 0;
}

/*
 * One step of stopping a queue. 0: stopped; positive: number of remaining requests;
 * -EAGAIN: requests remain, and no descriptor signals their completion.
 */
static int drain_queue(struct inline_server *h, uint32_t i)
{
	int left;

	if (!h->queues[i].running)
		return 0;
	unwatch_kick(h, i);
	left = virtdev_queue_drain(h->dev, i);
	if (!left)
		stop_queue(h, i);
	return left > 0 && h->queues[i].host_fd < 0 ? -EAGAIN : left;
}

/*
 * Stops queues until a queue exceeds the time of a step. -EAGAIN: some queues have not
 * stopped.
 */
static int drain_all(struct inline_server *h)
{
	const uint64_t until = vsu_now_ns() + VQ_TURN_NS;
	bool look_again = false, is_over = false, resets;
	uint32_t i;
	int left;

	h->stopping = false;
	for (i = 0; i < h->nqueues; i++) {
		if (!h->queues[i].running)
			continue;
		if (is_over) {
			h->stopping = look_again = true;
			break;
		}
		resets = h->queues[i].resetting;
		left = drain_queue(h, i);
		if (!left && resets)
			virtdev_transport_queue_reset_done(h->t, i);
		h->stopping = h->stopping || left;
		look_again = look_again || left < 0;
		is_over = vsu_now_ns() >= until;
	}
	left = look_again ? timer_arm(h, LOOK_AGAIN_NS) : 0;
	if (left < 0)
		return left;
	return h->stopping ? -EAGAIN : 0;
}

/* One step of a queue reset; reports its completion to the transport. */
static int reset_step(struct inline_server *h, uint32_t i)
{
	const int left = drain_queue(h, i);

	/* without the timer the step would not be repeated */
	if (left < 0 && timer_arm(h, LOOK_AGAIN_NS) < 0)
		virtdev_transport_needs_reset(h->t);
	return left;
}

int virtdev_priv_inline_reset_queue(void *self, uint32_t queue)
{
	struct inline_server *h = self;

	h->queues[queue].resetting = h->queues[queue].running;
	h->resets = reset_step(h, queue) != 0 || h->resets;
	return h->queues[queue].resetting;
}

int virtdev_priv_inline_start_queue(void *self, uint32_t queue, struct vsu_error *err)
{
	struct inline_server *h = self;
	struct vq_config config;

	return virtdev_transport_queue(h->t, queue, &config) ?
	       start_queue(h, queue, &config, err) : 0;
}

static void go_on_with_resets(struct inline_server *h)
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

static void forget_pause(struct inline_server *h)
{
	uint32_t i;

	for (i = 0; i < h->nqueues; i++)
		h->queues[i].paused = false;
}

/* One step of a device reset after the queues stopped; -EAGAIN: the timer continues it. */
static int reset_device_step(struct inline_server *h)
{
	const bool more = virtdev_reset_turn(h->dev);

	return more && timer_arm(h, LOOK_AGAIN_NS) == 0 ?
	       -EAGAIN : 0;
}

/* One step of stopping all queues, which completes a device reset. */
static int stop_step(struct inline_server *h)
{
	int rc = drain_all(h);

	if (!rc && h->resetting)
		rc = reset_device_step(h);
	if (rc < 0 || !h->resetting)
		return rc;
	h->resetting = false;
	forget_pause(h);
	virtdev_priv_inline_empty_regions(h);
	virtdev_transport_reset_done(h->t);
	return 0;
}

int virtdev_priv_inline_stop(void *self)
{
	forget_pause(self);
	return stop_step(self);
}

int virtdev_priv_inline_reset(void *self)
{
	struct inline_server *h = self;

	forget_pause(h);
	h->resetting = drain_all(h) || reset_device_step(h);
	if (!h->resetting)
		virtdev_priv_inline_empty_regions(h);
	return h->resetting;
}

int virtdev_priv_inline_pause(void *self)
{
	struct inline_server *h = self;
	uint32_t i;
	int rc;

	for (i = 0; i < h->nqueues; i++)
		h->queues[i].paused = h->queues[i].paused ||
				      (h->queues[i].running &&
				       !h->queues[i].resetting);
	rc = stop_step(h);
	if (!rc)
		virtdev_pause(h->dev);
	return rc;
}

/*
 * Ends the draining of a queue that has not stopped: its kicks, which drain_queue()
 * ignores, have an effect again.
 */
static int undrain_queue(struct inline_server *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];
	int rc = watch_kick(h, i);

	q->paused = false;
	return rc < 0 && rc != -EEXIST ? rc : vsu_event_signal_own(q->kick_fd);
}

static int resume_queue(struct inline_server *h, uint32_t i, struct vsu_error *err)
{
	struct inline_queue *q = &h->queues[i];
	struct vq_config config;

	if (!q->paused)
		return 0;
	if (q->running)
		return undrain_queue(h, i);
	if (!virtdev_transport_queue(h->t, i, &config))
		return 0;
	config.base = q->base;
	return start_queue(h, i, &config, err);
}

int virtdev_priv_inline_resume(void *self, struct vsu_error *err)
{
	struct inline_server *h = self;
	uint32_t i;
	int rc = 0;

	if (h->resetting) {
		forget_pause(h);
		return 0;
	}
	virtdev_resume(h->dev);
	h->stopping = false;
	for (i = 0; !rc && i < h->nqueues; i++)
		rc = resume_queue(h, i, err);
	if (rc < 0 && err && !err->code)
		vsu_error_sys(err, rc, "queue %" PRIu32, i - 1);
	return rc;
}

/* --------------------------------------------------------------------- turns */

/* Signals rare_fd for the marked queues only. A driver's signal is for all rare queues. */
static void kick_rare_again(struct inline_server *h)
{
	if (!h->rare_again)
		vsu_event_signal_own(h->rare_fd);
	h->rare_again = true;
}

static void kick_queue(struct inline_server *h, uint32_t i)
{
	if (!h->queues[i].is_rare) {
		vsu_event_signal_own(h->queues[i].kick_fd);
		return;
	}
	h->queues[i].kicked = true;
	kick_rare_again(h);
}

/* A queue with remaining work kicks itself for its next turn. */
static void serve_queue(struct inline_server *h, uint32_t i)
{
	if (h->queues[i].running && !h->stopping && !h->queues[i].resetting &&
	    virtdev_queue_serve(h->dev, i) > 0)
		kick_queue(h, i);
}

/* Kicks the waiting queues whose time has come; the others wait again. */
static void on_timer(struct inline_server *h)
{
	uint32_t i;

	vsu_timer_drain(h->timer_fd, NULL);
	h->timer_at = 0;
	for (i = 0; i < h->nqueues; i++) {
		if (!h->queues[i].waiting)
			continue;
		h->queues[i].waiting = false;
		kick_queue(h, i);
	}
}

/* Marks the rare queues for which rare_fd was signalled. */
static void take_rare_kicks(struct inline_server *h)
{
	uint64_t count = 0;
	uint32_t i;

	vsu_event_drain(h->rare_fd, &count);
	for (i = 0; i < h->nqueues && count > h->rare_again; i++)
		h->queues[i].kicked = h->queues[i].is_rare;
	h->rare_again = false;
}

/*
 * Serves the marked queues. If the turn's time is over, the next turn begins behind the
 * queue served last.
 */
static void on_rare_kick(struct inline_server *h)
{
	const uint64_t until = vsu_now_ns() + VQ_TURN_NS;
	bool is_over = false;
	uint32_t left, i;

	take_rare_kicks(h);
	for (left = h->nqueues; left; left--) {
		i = h->rare_next;
		if (h->queues[i].kicked && is_over) {
			kick_rare_again(h);
			return;
		}
		h->rare_next = (i + 1) % h->nqueues;
		if (!h->queues[i].kicked)
			continue;
		h->queues[i].kicked = false;
		serve_queue(h, i);
		is_over = vsu_now_ns() >= until;
	}
}

static void on_event(struct inline_server *h, uint64_t tag)
{
	const uint32_t i = (uint32_t)tag;

	if (tag == INLINE_TAG_TIMER) {
		on_timer(h);
		return;
	}
	if (tag == INLINE_TAG_RARE) {
		on_rare_kick(h);
		return;
	}
	if (!(tag & INLINE_TAG_HOST))
		vsu_event_drain(h->queues[i].kick_fd, NULL);
	serve_queue(h, i);
}

/*
 * Handles the remaining events of the last dispatch first: epoll reports ready descriptors
 * in a fixed order, so a busy queue would starve the queues behind it.
 */
static int find_events(struct inline_server *h)
{
	int n = h->nevents;

	if (!n)
		n = epoll_wait(h->epoll_fd, h->events, INLINE_EVENTS, 0);
	h->nevents = 0;
	return n;
}

static void keep_events(struct inline_server *h, int from, int n)
{
	h->nevents = n - from;
	memmove(h->events, h->events + from,
		(size_t)h->nevents * sizeof(h->events[0]));
}

void virtdev_priv_inline_dispatch(void *self)
{
	struct inline_server *h = self;
	const int n = find_events(h);
	const uint64_t until = n > 1 ? vsu_now_ns() + VQ_TURN_NS : 0;
	int i = 0;

	while (i < n && !h->nevents) {
		on_event(h, h->events[i++].data.u64);
		if (i < n && vsu_now_ns() >= until)
			keep_events(h, i, n);
	}
	if (h->resetting)
		(void)!stop_step(h);
	else if (h->resets && !h->stopping)
		go_on_with_resets(h);
}
