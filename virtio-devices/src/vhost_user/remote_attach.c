/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects a device that a back-end serves with its transport. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/sized.h>

#include "core/transport_priv.h"
#include "vhost_user/remote_priv.h"

/* ------------------------------------------------------ operations of the server */

static int remote_stop(void *self)
{
	return virtdev_priv_remote_stop(self) > 0 ? 0 : -EAGAIN;
}

static void remote_dispatch(void *self)
{
	(void)virtdev_vhost_user_dispatch(self);
}

static int remote_kick_fd(const void *self, uint32_t queue)
{
	return ((const struct virtdev_vhost_user *)self)->queues[queue].kick_fd;
}

static int remote_set_memory(void *self, struct vmem_map *map, struct vsu_error *err)
{
	return virtdev_vhost_user_set_memory(self, map, err);
}

static int remote_fail(void *self, const struct vsu_error *why)
{
	vhost_user_frontend_fail(((struct virtdev_vhost_user *)self)->frontend, why);
	return 0;
}

/* If the session cannot reset one queue, the whole device has to be reset. */
static int remote_queue_reset(void *self, uint32_t queue)
{
	struct virtdev_vhost_user *r = self;
	int rc = virtdev_priv_remote_reset_queue(r, queue);

	if (rc < 0)
		virtdev_transport_needs_reset(r->t);
	return rc == 0;
}

static int remote_queue_start(void *self, uint32_t queue, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	struct vhost_user_ring ring;

	virtdev_priv_describe_ring(r->t, queue, &r->queues[queue], &ring);
	return virtdev_priv_remote_start_queue(r, queue, &ring, err);
}

static void free_queues(struct virtdev_vhost_user *r)
{
	free(r->queues);
	free(r->positions);
	r->queues = NULL;
	r->positions = NULL;
}

static void remote_free(void *self)
{
	struct virtdev_vhost_user *r = self;

	virtdev_priv_server_detach(&r->server);
	r->t = NULL;
	free_queues(r);
}

static const struct server_ops remote_ops = {
	.start = virtdev_priv_remote_activate,
	.queue_reset = remote_queue_reset, .queue_start = remote_queue_start,
	.stop = remote_stop, .dispatch = remote_dispatch, .kick_fd = remote_kick_fd,
	.set_memory = remote_set_memory, .fail = remote_fail,
	.pause = virtdev_priv_remote_pause, .collect = virtdev_priv_remote_collect,
	.resume = virtdev_priv_remote_resume, .check_save = virtdev_priv_remote_check_save,
	.take = virtdev_priv_remote_take, .load = virtdev_priv_remote_load,
	.check_log = virtdev_priv_remote_check_log, .set_log = virtdev_priv_remote_set_log,
	.postcopy_advise = virtdev_priv_remote_advise,
	.postcopy_listen = virtdev_priv_remote_listen,
	.postcopy_end = virtdev_priv_remote_request_end, .free = remote_free,
};

/* queue_broken: queues that should continue after the reset of one cannot. */
static const struct virtdev_server_ops device_ops = {
	.size = sizeof(device_ops), .config_changed = virtdev_priv_server_config_changed,
	.queue_broken = virtdev_priv_server_queue_broken,
};

/* -------------------------------------------------------------------- creation */

static int copy_owner(struct virtdev_vhost_user *r, const struct virtdev_server_owner *owner,
		      struct vsu_error *err)
{
	const uint32_t n = virtdev_get_info(r->dev)->nqueues;
	int rc = vsu_copy_sized(&r->owner, sizeof(r->owner), owner, "struct virtdev_server_owner",
				err);

	if (rc < 0)
		return rc;
	r->queues = calloc(n, sizeof(r->queues[0]));
	r->positions = calloc(n, sizeof(r->positions[0]));
	if (!r->queues || !r->positions)
		return vsu_error_sys(err, -ENOMEM, "queues");
	memcpy(r->queues, owner->queues, n * sizeof(r->queues[0]));
	r->server = (struct virtdev_server){
		.ops = &remote_ops, .self = r, .fd = virtdev_vhost_user_fd(r), .shares_kicks = true,
	};
	return 0;
}

int virtdev_vhost_user_attach(struct virtdev_vhost_user *r, struct virtdev_transport *t,
			      const struct virtdev_server_owner *owner,
			      struct virtdev_server **out, struct vsu_error *err)
{
	int rc;

	if (!r->dev || t->dev != r->dev)
		return vsu_error_set(err, -EINVAL, "the transport is not that of the device of %s",
				     r->who);
	if (r->t)
		return vsu_error_set(err, -EBUSY, "the device of %s has a server already; free that one first",
				     r->who);
	rc = copy_owner(r, owner, err);
	if (!rc) {
		r->server.t = t;
		rc = virtdev_priv_server_attach(&r->server, &device_ops, err);
	}
	if (rc < 0) {
		free_queues(r);
		return rc;
	}
	r->t = t;
	*out = &r->server;
	return 0;
}
