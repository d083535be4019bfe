/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects a device that a back-end serves with its transport. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>

#include "core/device_struct.h"
#include "core/transport_priv.h"
#include "vhost_user/remote_priv.h"

static uint32_t queue_count(const struct virtdev_vhost_user *r)
{
	return virtdev_get_info(r->dev)->nqueues;
}

/* -------------------------------- callbacks that the owner does not provide */

/* The driver only sees that a reset is required. The end of a session has its own callback. */
static int report_start(const struct virtdev_vhost_user *r, int rc, const struct vsu_error *err)
{
	struct vsu_error what = VSU_ERROR_INIT;

	if (rc < 0 && r->phase != REMOTE_FAILED) {
		vsu_error_set(&what, rc, "its queues cannot be started: %s; the driver has to reset the device",
			      err->msg);
		virtdev_report(r->dev, &what);
	}
	return rc;
}

static int on_activate(void *opaque, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_vhost_user *r = opaque;
	int rc = virtdev_vhost_user_activate(r, features, &err);

	return report_start(r, rc, &err);
}

static int on_reset(void *opaque)
{
	return virtdev_vhost_user_stop(opaque) > 0 ? 0 : 1;
}

static void on_notify(void *opaque, uint32_t queue)
{
	const struct virtdev_vhost_user *r = opaque;

	vsu_event_signal(r->queues[queue].kick_fd);
}

/* If the session cannot reset one queue, the whole device has to be reset. */
static int on_queue_reset(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user *r = opaque;
	int rc = virtdev_vhost_user_reset_queue(r, queue);

	if (rc < 0)
		virtdev_transport_needs_reset(r->t);
	return rc == 0;
}

static int on_queue_start(void *opaque, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_vhost_user *r = opaque;
	struct vhost_user_ring ring;
	int rc;

	virtdev_transport_describe_ring(r->t, queue, &r->queues[queue], &ring);
	rc = virtdev_vhost_user_start_queue(r, queue, &ring, &err);
	return report_start(r, rc, &err);
}

static const struct virtdev_transport_ops transport_ops = {
	.size = sizeof(transport_ops), .features = VQ_F_RING_RESET,
	.activate = on_activate, .reset = on_reset, .notify = on_notify,
	.queue_reset = on_queue_reset, .queue_start = on_queue_start,
};

/* --------------------------------------------------- callbacks for the device */

static void on_config_changed(void *opaque)
{
	const struct virtdev_vhost_user *r = opaque;

	virtdev_transport_config_changed(r->t);
}

/* Queues that should continue after the reset of one cannot. */
static void on_queue_broken(void *opaque, uint32_t queue)
{
	const struct virtdev_vhost_user *r = opaque;

	(void)queue;
	virtdev_transport_needs_reset(r->t);
}

static const struct virtdev_server_ops device_ops = {
	.size = sizeof(device_ops), .config_changed = on_config_changed,
	.queue_broken = on_queue_broken,
};

/* -------------------------------------------------------------------- creation */

static int check_attach(const struct virtdev_vhost_user *r, const struct virtdev_transport *t,
			struct vsu_error *err)
{
	if (!r->dev || t->dev != r->dev)
		return vsu_error_set(err, -EINVAL, "the transport is not that of the device of %s",
				     r->who);
	if (r->t || t->server.size || r->dev->server.size)
		return vsu_error_set(err, -EBUSY, "the device of %s has a server already; free that one first",
				     r->who);
	return 0;
}

int virtdev_vhost_user_attach(struct virtdev_vhost_user *r, struct virtdev_transport *t,
			      const struct virtdev_vhost_user_queue *queues,
			      struct vsu_error *err)
{
	int rc = check_attach(r, t, err);
	uint32_t n;

	if (rc < 0)
		return rc;
	n = queue_count(r);
	r->queues = calloc(n, sizeof(r->queues[0]));
	r->positions = calloc(n, sizeof(r->positions[0]));
	if (!r->queues || !r->positions) {
		virtdev_priv_remote_detach(r);
		return vsu_error_sys(err, -ENOMEM, "queues");
	}
	memcpy(r->queues, queues, n * sizeof(queues[0]));
	r->t = t;
	(void)!virtdev_set_server(r->dev, &device_ops, r);	/* check_attach() has excluded
								   another server */
	virtdev_priv_transport_set_server(t, &transport_ops, r);
	return 0;
}

void virtdev_priv_remote_detach(struct virtdev_vhost_user *r)
{
	if (r->t) {
		(void)!virtdev_set_server(r->dev, NULL, NULL);
		virtdev_priv_transport_set_server(r->t, NULL, NULL);
	}
	r->t = NULL;
	free(r->queues);
	free(r->positions);
	r->queues = NULL;
	r->positions = NULL;
}
