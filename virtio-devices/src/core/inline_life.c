/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creation of the inline server, and its connections to device and transport. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "core/device_struct.h"
#include "core/inline_priv.h"
#include "core/transport_priv.h"

/* --------------------------------------------------- callbacks for the device */

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

static void on_queue_wake(void *opaque, uint32_t queue)
{
	const struct virtdev_inline *h = opaque;

	vsu_event_signal_own(h->queues[queue].kick_fd);
}

static const struct virtdev_server_ops device_ops = {
	.size = sizeof(device_ops), .notify = on_notify,
	.config_changed = on_config_changed, .queue_broken = on_queue_broken,
	.region_change = virtdev_priv_inline_region_change,
	.region_address = virtdev_priv_inline_region_address,
	.queue_wait = virtdev_priv_inline_queue_wait, .queue_wake = on_queue_wake,
};

/* -------------------------------- callbacks that the owner does not provide */

/* A failure is reported once, until a start succeeds again. */
static int report_start(struct virtdev_inline *h, int rc,
			const struct vsu_error *why)
{
	struct vsu_error what = VSU_ERROR_INIT;

	if (rc < 0 && !h->start_failed) {
		vsu_error_set(&what, rc,
			      "its queues cannot be started: %s; the driver has to reset the device",
			      why->msg);
		virtdev_report(h->dev, &what);
	}
	h->start_failed = rc < 0;
	return rc;
}

static int on_activate(void *opaque, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_inline *h = opaque;

	(void)features;
	return report_start(h, virtdev_inline_start(h, &err), &err);
}

static int on_queue_start(void *opaque, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_inline *h = opaque;

	return report_start(h, virtdev_inline_start_queue(h, queue, &err),
			    &err);
}

static void on_driver_notify(void *opaque, uint32_t queue)
{
	const struct virtdev_inline *h = opaque;

	vsu_event_signal_own(h->queues[queue].kick_fd);
}

static int on_queue_reset(void *opaque, uint32_t queue)
{
	return virtdev_inline_reset_queue(opaque, queue);
}

static const struct virtdev_transport_ops transport_ops = {
	.size = sizeof(transport_ops), .features = VQ_F_RING_RESET,
	.activate = on_activate, .reset = virtdev_priv_inline_reset,
	.notify = on_driver_notify,
	.queue_reset = on_queue_reset, .queue_start = on_queue_start,
};

/* ------------------------------------------------------------------ creation */

static int make_rare_kick(struct virtdev_inline *h)
{
	h->rare_fd = vsu_event_new();
	return h->rare_fd < 0 ? h->rare_fd :
	       virtdev_priv_inline_watch(h, h->rare_fd, INLINE_TAG_RARE);
}

static int make_kick(struct virtdev_inline *h, uint32_t i)
{
	struct inline_queue *q = &h->queues[i];
	int rc = 0;

	q->is_rare = h->dev->ops.queue_is_rare && h->dev->ops.queue_is_rare(h->dev->self, i);
	if (q->is_rare && h->rare_fd < 0)
		rc = make_rare_kick(h);
	q->kick_fd = q->is_rare ? h->rare_fd : vsu_event_new();
	return q->kick_fd < 0 ? q->kick_fd : rc;
}

static int make_queue(struct virtdev_inline *h, uint32_t i,
		      struct vmem_space *space)
{
	struct inline_queue *q = &h->queues[i];
	int rc = vq_new(&q->vq);

	if (!rc)
		rc = make_kick(h, i);
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
		rc = virtdev_priv_inline_watch(h, h->timer_fd,
					       INLINE_TAG_TIMER);
	for (i = 0; rc >= 0 && i < h->nqueues; i++)
		rc = make_queue(h, i, space);
	return rc < 0 ? rc : 0;
}

/* Checks that neither the transport nor its device has a server. */
static int check_free(const struct virtdev_transport *t,
		      const struct vmem_space *space, struct vsu_error *err)
{
	if (!space)
		return vsu_error_set(err, -EINVAL,
				     "%s: no space with the guest's memory",
				     virtdev_name(t->dev));
	if (t->server.size || t->dev->server.size)
		return vsu_error_set(err, -EBUSY,
				     "%s has a server already; free that one first",
				     virtdev_name(t->dev));
	return 0;
}

int virtdev_inline_new(struct virtdev_transport *t, struct vmem_space *space,
		       struct virtdev_inline **out, struct vsu_error *err)
{
	struct virtdev *dev = virtdev_transport_device(t);
	const uint32_t n = virtdev_get_info(dev)->nqueues;
	struct virtdev_inline *h;
	uint32_t i;
	int rc = check_free(t, space, err);

	if (rc < 0)
		return rc;
	h = calloc(1, sizeof(*h) + n * sizeof(h->queues[0]));
	if (!h)
		return vsu_error_sys(err, -ENOMEM, "%s", virtdev_name(dev));
	h->t = t;
	h->dev = dev;
	h->nqueues = n;
	h->epoll_fd = h->timer_fd = h->rare_fd = -1;
	for (i = 0; i < n; i++)
		h->queues[i].kick_fd = h->queues[i].host_fd = -1;
	rc = make_all(h, space);
	if (rc < 0) {
		virtdev_inline_free(h);
		return vsu_error_sys(err, rc, "queues of %s",
				     virtdev_name(dev));
	}
	(void)!virtdev_set_server(dev, &device_ops, h);	/* check_free() has excluded another
							   server */
	virtdev_priv_transport_set_server(t, &transport_ops, h);
	*out = h;
	return 0;
}

void virtdev_inline_free(struct virtdev_inline *h)
{
	uint32_t i;

	if (!h)
		return;
	(void)!virtdev_set_server(h->dev, NULL, NULL);
	virtdev_priv_transport_set_server(h->t, NULL, NULL);
	virtdev_priv_inline_empty_regions(h);
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

int virtdev_inline_fd(const struct virtdev_inline *h)
{
	return h->epoll_fd;
}

int virtdev_inline_kick_fd(const struct virtdev_inline *h, uint32_t queue)
{
	return queue < h->nqueues ? h->queues[queue].kick_fd : -EINVAL;
}

uint64_t virtdev_inline_faults(const struct virtdev_inline *h, uint32_t queue,
			       struct vq_fault *last)
{
	const struct vq *q = queue < h->nqueues ? h->queues[queue].vq : NULL;
	const struct vq_fault none = { 0 };

	if (last && q)
		vq_last_fault(q, last);
	else if (last)
		*last = none;
	if (!q)
		return 0;
	return vq_counter(q, VQ_COUNT_FAULTS);
}

void virtdev_inline_refresh(struct virtdev_inline *h)
{
	uint32_t i;

	for (i = 0; i < h->nqueues; i++)
		vq_refresh(h->queues[i].vq);
}
