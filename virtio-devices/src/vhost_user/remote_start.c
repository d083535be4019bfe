/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Starts and stops the queues of a device that a back-end serves: as its owner describes
 * them, and behind a transport as the driver set them up, also while no back-end is
 * connected.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/device.h>
#include <vmm-sys-util/sized.h>

#include "vhost_user/remote_priv.h"

/* -------------------------------------------------- rings that the owner describes */

int virtdev_priv_remote_start_rings(struct virtdev_vhost_user *r, uint64_t features,
			     const struct vhost_user_ring *rings, uint32_t n,
			     struct vsu_error *err)
{
	uint32_t i;
	int rc = vsu_check_array(rings, n, "rings", err);

	if (rc < 0)
		return rc;
	virtdev_priv_remote_forget(r);
	r->features = features;
	for (i = 0; !rc && i < n; i++) {
		if (!rings[i].size)
			continue;
		rc = vhost_user_frontend_set_ring(r->frontend, i, &rings[i],
						  err);
		if (!rc && i < REMOTE_QUEUES)
			r->described[i] = true;
	}
	return rc ? rc : vhost_user_frontend_start(r->frontend, features, err);
}

int virtdev_priv_remote_stop(struct virtdev_vhost_user *r)
{
	const bool waits = virtdev_priv_remote_waits(r);

	virtdev_priv_remote_forget(r);
	r->place = REMOTE_STAYS;
	virtdev_priv_remote_forget_settings(r);
	(void)virtdev_priv_remote_enter(&r->phase, REMOTE_ON_RESET);
	virtdev_priv_remote_clear_positions(r);
	if (waits)
		return 1;
	switch (vhost_user_frontend_state(r->frontend)) {
	case VHOST_USER_FRONTEND_STARTING:
		r->stop_wanted = true;
		return 0;
	case VHOST_USER_FRONTEND_RUNNING:
	case VHOST_USER_FRONTEND_AWAY:
		return vhost_user_frontend_stop(r->frontend, NULL) ? 1 : 0;
	case VHOST_USER_FRONTEND_STOPPING:
		return 0;
	default:
		return 1;
	}
}

/* ------------------------------------------------------------- behind a transport */

static uint32_t queue_count(const struct virtdev_vhost_user *r)
{
	return virtdev_get_info(r->dev)->nqueues;
}

/* After a pause only queues that ran before it start. */
static void describe_rings(const struct virtdev_vhost_user *r, struct vhost_user_ring *rings)
{
	const bool continues = virtdev_priv_remote_has_positions(r);
	uint32_t i;

	for (i = 0; i < queue_count(r); i++) {
		virtdev_priv_describe_ring(r->t, i, &r->queues[i], &rings[i]);
		if (!continues)
			continue;
		rings[i].base = r->positions[i].base;
		if (!r->positions[i].runs)
			rings[i].size = 0;
	}
}

int virtdev_priv_remote_start(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	const uint32_t n = queue_count(r);
	struct vhost_user_ring *rings;
	int rc = r->owner.starting ? r->owner.starting(r->owner.opaque, err) : 0;

	if (rc < 0)
		return rc;
	rings = calloc(n, sizeof(rings[0]));
	if (!rings)
		return vsu_error_sys(err, -ENOMEM, "rings");
	describe_rings(r, rings);
	virtdev_priv_remote_clear_positions(r);
	rc = virtdev_priv_remote_start_rings(r, r->start_features, rings, n, err);
	free(rings);
	return rc;
}

int virtdev_priv_remote_activate(void *self, uint64_t features, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	const bool away = virtdev_priv_remote_is_away(r);

	if (r->phase == REMOTE_FAILED)
		return vsu_error_set(err, -ECONNRESET, "the session with %s has ended", r->who);
	if (!virtdev_priv_remote_enter(&r->phase, away ? REMOTE_ON_START_AWAY : REMOTE_ON_START))
		return vsu_error_set(err, -EBUSY, "the device of %s is paused", r->who);
	r->start_features = features;
	return away ? 0 : virtdev_priv_remote_start(r, err);
}

void virtdev_priv_remote_start_late(struct virtdev_vhost_user *r)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (virtdev_priv_remote_is_away(r) ||
	    !virtdev_priv_remote_enter(&r->phase, REMOTE_ON_BACK) ||
	    !virtdev_priv_remote_start(r, &err))
		return;
	virtdev_transport_needs_reset(r->t);
	virtdev_priv_server_report(&r->server, err.code, &err);
}
