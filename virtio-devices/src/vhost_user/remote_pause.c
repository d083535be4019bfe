/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pauses and resumes a device that a back-end serves. The back-end completes its requests
 * and returns the positions of the queues, from which the next start continues, here or
 * behind another session.
 */
#include <config.h>

#include <errno.h>

#include "vhost_user/remote_priv.h"

/* The features of a start, as virtdev_transport_ops.activate receives them. */
static uint64_t start_features(const struct virtdev_vhost_user *r)
{
	return virtdev_transport_features(r->t) &
	       (virtdev_get_info(r->dev)->features | ~VQ_F_RING_RESET);
}

/* --------------------------------------------------------------------- pause */

/* 0: the session stops the queues; 1: none ran; else as virtdev_server_pause(). */
static int stop_queues(struct virtdev_vhost_user *r)
{
	switch (vhost_user_frontend_state(r->frontend)) {
	case VHOST_USER_FRONTEND_RUNNING:
		return r->changing || vhost_user_frontend_stop(r->frontend, NULL) ? -EAGAIN : 0;
	case VHOST_USER_FRONTEND_STARTING:
	case VHOST_USER_FRONTEND_STOPPING:
		return -EAGAIN;
	case VHOST_USER_FRONTEND_READY:
		return 1;
	default:
		return -ENOTCONN;
	}
}

static int pause_begin(struct virtdev_vhost_user *r)
{
	int rc = stop_queues(r);

	if (rc < 0)
		return rc;
	(void)virtdev_priv_remote_enter(&r->phase, rc ? REMOTE_ON_STOPPED : REMOTE_ON_PAUSE);
	return rc ? 0 : -EAGAIN;
}

int virtdev_priv_remote_pause(void *self)
{
	struct virtdev_vhost_user *r = self;

	switch (r->phase) {
	case REMOTE_FAILED:
		return -ECONNRESET;
	case REMOTE_WAITS:
	case REMOTE_CONTINUES:
		return -ENOTCONN;
	case REMOTE_PAUSED:
		return 0;
	case REMOTE_PAUSES:
	case REMOTE_RESUMES:
		(void)virtdev_priv_remote_enter(&r->phase, REMOTE_ON_PAUSE);
		return -EAGAIN;
	default:
		return pause_begin(r);
	}
}

/* -------------------------------------------------------------------- resume */

/* Without a connected back-end, the queues start when the next one is connected. */
int virtdev_priv_remote_resume(void *self, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	const bool again = r->phase == REMOTE_PAUSED && virtdev_priv_remote_has_positions(r);
	const bool away = again && virtdev_priv_remote_is_away(r);

	/* also if no queue runs: the driver may start one that it has reset */
	if (r->phase == REMOTE_PAUSED)
		r->features = r->start_features = start_features(r);
	virtdev_priv_remote_stream_drop(r);
	(void)virtdev_priv_remote_enter(&r->phase, away ? REMOTE_ON_RESUME_AWAY : REMOTE_ON_RESUME);
	return !again || away ? 0 : virtdev_priv_remote_start(r, err);
}
