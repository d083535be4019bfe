/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates and frees a device in front of a vhost-user session, and dispatches the session. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/sized.h>

#include "vhost_user/remote_priv.h"

#define DEFAULT_QUEUE_MAX 256u

static char *name_back_end(const struct virtdev_vhost_user *r)
{
	char *who = NULL;

	if (r->config.who)
		return strdup(r->config.who);
	return asprintf(&who, "the back-end at '%s'", r->peer) < 0 ? NULL : who;
}

static int fill_in(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	r->peer = strdup(r->config.peer ? r->config.peer : "back-end");
	r->who = r->peer ? name_back_end(r) : NULL;
	if (!r->who)
		return vsu_error_sys(err, -ENOMEM, "vhost-user device");
	r->preset = virtdev_priv_remote_preset(r->config.id);
	if (!r->config.queue_size_max)
		r->config.queue_size_max = DEFAULT_QUEUE_MAX;
	if (!r->config.config_size && r->preset)
		r->config.config_size = r->preset->config_size;
	r->own_space = r->config.space != NULL;
	if (r->own_space)
		memcpy(r->bytes, r->config.space, r->config.config_size);
	r->config.space = NULL;	/* borrowed from the caller, as the names */
	return 0;
}

static int copy_structs(struct virtdev_vhost_user *r,
			const struct virtdev_vhost_user_config *config,
			const struct virtdev_vhost_user_ops *ops,
			struct vsu_error *err)
{
	int rc = vsu_copy_sized(&r->config, sizeof(r->config), config,
				"struct virtdev_vhost_user_config", err);

	if (rc < 0)
		return rc;
	if (r->config.config_size > CONFIG_MAX)
		return vsu_error_set(err, -EINVAL,
				     "%" PRIu32 " bytes of configuration; the protocol's maximum is %u",
				     r->config.config_size, CONFIG_MAX);
	rc = vsu_copy_sized(&r->ops, sizeof(r->ops), ops,
			    "struct virtdev_vhost_user_ops", err);
	return rc < 0 ? rc : fill_in(r, err);
}

static int open_session(struct virtdev_vhost_user *r, int sock,
			struct vsu_error *err)
{
	const struct vhost_user_frontend_config session = {
		.size = sizeof(session), .peer = r->peer,
		.sigbus = r->config.sigbus, .closer = r->config.closer,
		.served_files = r->config.served_files,
		.max_shmem = r->config.max_shmem,
		.max_shmem_maps = r->config.max_shmem_maps,
		.max_shmem_mapped = r->config.max_shmem_mapped,
		.reconnect_ns = r->config.reconnect_ns,
		.read_only_regions = r->config.read_only_regions,
	};
	const struct vhost_user_frontend_ops *optional = &virtdev_priv_remote_optional_ops;
	struct vhost_user_frontend_ops wired = virtdev_priv_remote_session_ops;

	wired.shmem = r->ops.shmem ? optional->shmem : NULL;
	wired.connect = r->ops.connect ? optional->connect : NULL;
	wired.device = r->config.postcopy ? &virtdev_priv_remote_postcopy_ops : NULL;
	return vhost_user_frontend_new_take_fd(sock, &session, &wired, r,
					       &r->frontend, err);
}

int virtdev_vhost_user_new_take_fd(int sock,
		const struct virtdev_vhost_user_config *config,
		const struct virtdev_vhost_user_ops *ops, void *opaque,
		struct virtdev_vhost_user **out, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return vsu_error_sys(err, -ENOMEM, "vhost-user device");
	r->opaque = opaque;
	r->stream.fd = r->stream.timer_fd = r->postcopy.faults = -1;
	rc = copy_structs(r, config, ops, err);
	if (rc >= 0)
		rc = open_session(r, sock, err);
	if (rc < 0) {
		free(r->who);
		free(r->peer);
		free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void virtdev_vhost_user_free(struct virtdev_vhost_user *r)
{
	if (!r)
		return;
	virtdev_priv_remote_stream_drop(r);
	virtdev_priv_remote_postcopy_lost(r);
	if (r->t)
		virtdev_server_free(&r->server);
	vhost_user_frontend_free(r->frontend);
	virtdev_free(r->dev);
	free(r->who);
	free(r->peer);
	free(r);
}

int virtdev_vhost_user_fd(const struct virtdev_vhost_user *r)
{
	return vhost_user_frontend_fd(r->frontend);
}

int virtdev_vhost_user_dispatch(struct virtdev_vhost_user *r)
{
	int rc = vhost_user_frontend_dispatch(r->frontend);

	if (rc >= 0 && r->config_stale)
		virtdev_priv_remote_ask_config(r);
	virtdev_priv_remote_start_late(r);
	virtdev_priv_remote_stream_turn(r);
	virtdev_priv_remote_end_log(r);
	virtdev_priv_remote_end_postcopy(r);
	return rc;
}

struct virtdev *virtdev_vhost_user_device(const struct virtdev_vhost_user *r)
{
	return r->dev;
}

struct vhost_user_frontend *virtdev_vhost_user_frontend(
		const struct virtdev_vhost_user *r)
{
	return r->frontend;
}

int virtdev_vhost_user_set_memory(struct virtdev_vhost_user *r,
				  struct vmem_map *map, struct vsu_error *err)
{
	return vhost_user_frontend_set_memory(r->frontend, map, err);
}
