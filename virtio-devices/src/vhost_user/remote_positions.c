/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Positions of the queues of a device behind a transport, and starts that wait. */
#include <config.h>

#include "vhost_user/remote_priv.h"

static uint32_t queue_count(const struct virtdev_vhost_user *r)
{
	return r->t ? virtdev_get_info(r->dev)->nqueues : 0;
}

bool virtdev_priv_remote_is_away(const struct virtdev_vhost_user *r)
{
	return vhost_user_frontend_state(r->frontend) == VHOST_USER_FRONTEND_AWAY;
}

bool virtdev_priv_remote_waits(const struct virtdev_vhost_user *r)
{
	return r->phase == REMOTE_WAITS || r->phase == REMOTE_CONTINUES;
}

void virtdev_priv_remote_reset_done(struct virtdev_vhost_user *r)
{
	if (r->t && virtdev_transport_is_resetting(r->t))
		virtdev_transport_reset_done(r->t);
}

bool virtdev_priv_remote_has_positions(const struct virtdev_vhost_user *r)
{
	uint32_t i;

	for (i = 0; i < queue_count(r); i++)
		if (r->positions[i].runs)
			return true;
	return false;
}

void virtdev_priv_remote_clear_positions(struct virtdev_vhost_user *r)
{
	uint32_t i;

	for (i = 0; i < queue_count(r); i++)
		r->positions[i] = (struct queue_position){ 0 };
}

void virtdev_priv_remote_note_positions(struct virtdev_vhost_user *r, const uint32_t *bases,
					unsigned int n)
{
	struct vq_config config;
	uint32_t i;

	for (i = 0; i < queue_count(r); i++) {
		r->positions[i].runs = virtdev_transport_queue(r->t, i, &config);
		r->positions[i].base = i < n ? bases[i] : 0;
	}
	(void)virtdev_priv_remote_enter(&r->phase, REMOTE_ON_STOPPED);
}
