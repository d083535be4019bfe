/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Callbacks of a transport: the owner's, or those of the queue server. */
#include <config.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>

#include "core/device_struct.h"
#include "core/server_priv.h"
#include "core/transport_priv.h"

uint64_t virtdev_priv_device_features(const struct virtdev_transport *t)
{
	return t->driver_features &
	       (virtdev_get_info(t->dev)->features | ~VQ_F_RING_RESET);
}

/* The driver only sees that a reset is required. */
int virtdev_priv_server_report(struct virtdev_server *s, int rc, const struct vsu_error *why)
{
	struct vsu_error what = VSU_ERROR_INIT;

	if (rc < 0 && !s->start_failed) {
		vsu_error_set(&what, rc, "its queues cannot be started: %s; the driver has to reset the device",
			      why->msg);
		virtdev_report(s->t->dev, &what);
	}
	s->start_failed = rc < 0;
	return rc;
}

uint64_t virtdev_priv_call_features(const struct virtdev_transport *t)
{
	const bool served = t->server && !t->ops.queue_reset && !t->ops.queue_start;

	return t->ops.features | (served ? VQ_F_RING_RESET : 0);
}

int virtdev_priv_call_activate(struct virtdev_transport *t)
{
	const uint64_t features = virtdev_priv_device_features(t);
	struct virtdev_server *s = t->server;
	struct vsu_error err = VSU_ERROR_INIT;

	if (t->ops.activate)
		return t->ops.activate(t->opaque, features);
	return s ? virtdev_priv_server_report(s, s->ops->start(s->self, features, &err), &err) : 0;
}

int virtdev_priv_call_reset(struct virtdev_transport *t)
{
	const struct virtdev_server *s = t->server;

	if (t->ops.reset)
		return t->ops.reset(t->opaque);
	if (!s)
		return 0;
	return s->ops->reset ? s->ops->reset(s->self) : s->ops->stop(s->self) != 0;
}

void virtdev_priv_call_notify(struct virtdev_transport *t, uint32_t queue)
{
	const struct virtdev_server *s = t->server;

	if (t->ops.notify)
		t->ops.notify(t->opaque, queue);
	else if (s && s->shares_kicks)
		vsu_event_signal(s->ops->kick_fd(s->self, queue));
	else if (s)
		vsu_event_signal_own(s->ops->kick_fd(s->self, queue));
}

int virtdev_priv_call_queue_reset(struct virtdev_transport *t, uint32_t queue)
{
	if (t->ops.queue_reset)
		return t->ops.queue_reset(t->opaque, queue);
	return t->server ? t->server->ops->queue_reset(t->server->self, queue) : 0;
}

int virtdev_priv_call_queue_start(struct virtdev_transport *t, uint32_t queue)
{
	struct virtdev_server *s = t->server;
	struct vsu_error err = VSU_ERROR_INIT;

	if (t->ops.queue_start)
		return t->ops.queue_start(t->opaque, queue);
	return s ? virtdev_priv_server_report(s, s->ops->queue_start(s->self, queue, &err), &err) : 0;
}
