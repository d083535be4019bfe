/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The reset of single queues of a device that a back-end serves. The protocol has no
 * message for it: the back-end stops and drains all queues, and all others start again at
 * their positions.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vhost/frontend_device.h>

#include "vhost_user/remote_priv.h"

void virtdev_priv_remote_forget(struct virtdev_vhost_user *r)
{
	r->changing = false;
	memset(r->changes, 0, sizeof(r->changes));
	memset(r->described, 0, sizeof(r->described));
}

bool virtdev_priv_remote_has_changes(const struct virtdev_vhost_user *r)
{
	uint32_t i;

	for (i = 0; i < REMOTE_QUEUES; i++)
		if (r->changes[i] != REMOTE_SAME)
			return true;
	return false;
}

void virtdev_priv_remote_change(struct virtdev_vhost_user *r)
{
	if (virtdev_priv_remote_has_changes(r))
		r->changing = !vhost_user_frontend_stop(r->frontend, NULL);
}

/* The callback may change a queue again; that change is applied later. */
static int apply_change(struct virtdev_vhost_user *r, uint32_t i,
			struct vsu_error *err)
{
	const enum remote_change change = r->changes[i];
	int rc;

	r->changes[i] = REMOTE_SAME;
	if (change == REMOTE_START) {
		rc = vhost_user_frontend_set_ring(r->frontend, i, &r->rings[i],
						  err);
		r->described[i] = !rc;
		return rc;
	}
	rc = vhost_user_frontend_forget_ring(r->frontend, i, err);
	r->described[i] = false;
	if (!rc && r->t)
		virtdev_transport_queue_reset_done(r->t, i);
	if (!rc && r->ops.queue_reset)
		r->ops.queue_reset(r->opaque, i);
	return rc;
}

/* Without a running queue the session waits for the next change. */
static int start_rest(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	uint32_t i;

	for (i = 0; i < REMOTE_QUEUES; i++)
		if (r->described[i])
			return vhost_user_frontend_start(r->frontend,
							 r->features, err);
	r->changing = false;
	return 0;
}

bool virtdev_priv_remote_changed(struct virtdev_vhost_user *r)
{
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < REMOTE_QUEUES; i++)
		if (r->changes[i] != REMOTE_SAME)
			rc = apply_change(r, i, &err);
	if (!rc)
		rc = start_rest(r, &err);
	if (rc < 0) {	/* the session has failed or is about to */
		virtdev_priv_remote_forget(r);
		virtdev_queue_broken(r->dev, 0);
	}
	return true;
}

/* Not in states that apply changes anyway. */
static int change_now(struct virtdev_vhost_user *r)
{
	switch (vhost_user_frontend_state(r->frontend)) {
	case VHOST_USER_FRONTEND_RUNNING:
		virtdev_priv_remote_change(r);
		return 0;
	case VHOST_USER_FRONTEND_READY:
		/* every queue was reset */
		virtdev_priv_remote_changed(r);
		return 0;
	case VHOST_USER_FRONTEND_AWAY:
		return -EAGAIN;
	default:
		return 0;
	}
}

int virtdev_priv_remote_reset_queue(struct virtdev_vhost_user *r,
				   uint32_t queue)
{
	if (queue >= REMOTE_QUEUES)
		return -EINVAL;
	if (vhost_user_frontend_state(r->frontend) == VHOST_USER_FRONTEND_DEAD ||
	    virtdev_priv_remote_waits(r))
		return 1;
	if (r->changes[queue] == REMOTE_START) {
		r->changes[queue] = REMOTE_SAME;
		return 1;
	}
	if (!r->described[queue])
		return 1;
	r->changes[queue] = REMOTE_RESET;
	return change_now(r);
}

int virtdev_priv_remote_start_queue(struct virtdev_vhost_user *r,
				   uint32_t queue,
				   const struct vhost_user_ring *ring,
				   struct vsu_error *err)
{
	int rc;

	if (virtdev_priv_remote_waits(r))	/* the start reads what the driver sets up */
		return 0;
	if (queue >= REMOTE_QUEUES || r->described[queue])
		return vsu_error_set(err, -EINVAL,
				     "queue %" PRIu32 " of '%s' was not reset",
				     queue, r->peer);
	r->rings[queue] = *ring;
	r->changes[queue] = REMOTE_START;
	rc = change_now(r);
	return rc ? vsu_error_set(err, rc,
				  "queue %" PRIu32 ": %s is disconnected", queue, r->who) : 0;
}
