/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Callbacks of a transport: the owner's, or those of the queue server. */
#include <config.h>

#include "core/transport_priv.h"

uint64_t virtdev_priv_device_features(const struct virtdev_transport *t)
{
	return t->driver_features &
	       (virtdev_get_info(t->dev)->features | ~VQ_F_RING_RESET);
}

void virtdev_priv_transport_set_server(struct virtdev_transport *t,
				       const struct virtdev_transport_ops *ops,
				       void *opaque)
{
	const struct virtdev_transport_ops none = { 0 };

	t->server = ops ? *ops : none;
	t->server_opaque = opaque;
}

uint64_t virtdev_priv_call_features(const struct virtdev_transport *t)
{
	const bool served = !t->ops.queue_reset && !t->ops.queue_start;

	return t->ops.features | (served ? t->server.features : 0);
}

int virtdev_priv_call_activate(struct virtdev_transport *t)
{
	const uint64_t features = virtdev_priv_device_features(t);

	if (t->ops.activate)
		return t->ops.activate(t->opaque, features);
	return t->server.activate ?
	       t->server.activate(t->server_opaque, features) : 0;
}

int virtdev_priv_call_reset(struct virtdev_transport *t)
{
	if (t->ops.reset)
		return t->ops.reset(t->opaque);
	return t->server.reset ? t->server.reset(t->server_opaque) : 0;
}

void virtdev_priv_call_notify(struct virtdev_transport *t, uint32_t queue)
{
	if (t->ops.notify)
		t->ops.notify(t->opaque, queue);
	else if (t->server.notify)
		t->server.notify(t->server_opaque, queue);
}

int virtdev_priv_call_queue_reset(struct virtdev_transport *t, uint32_t queue)
{
	if (t->ops.queue_reset)
		return t->ops.queue_reset(t->opaque, queue);
	return t->server.queue_reset ?
	       t->server.queue_reset(t->server_opaque, queue) : 0;
}

int virtdev_priv_call_queue_start(struct virtdev_transport *t, uint32_t queue)
{
	if (t->ops.queue_start)
		return t->ops.queue_start(t->opaque, queue);
	return t->server.queue_start ?
	       t->server.queue_start(t->server_opaque, queue) : 0;
}
