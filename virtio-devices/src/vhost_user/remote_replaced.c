/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether the driver's settings are in force behind a back-end that replaces another one. */
#include <config.h>

#include <vhost/frontend_device.h>
#include <virtio-devices/ids.h>

#include "core/transport_priv.h"
#include "vhost_user/remote_priv.h"

#define CONSOLE_F_MULTIPORT (UINT64_C(1) << 1)

/* False: the back-ends do not report it. */
static bool kept_loads(const struct virtdev_vhost_user *r, uint64_t *loads)
{
	*loads = 0;
	return vhost_user_frontend_kept_loads(r->frontend, loads);
}

/*
 * Like virtdev_priv_remote_is_stateless(), also for kinds whose whole state is the
 * configuration space.
 */
static bool has_only_settings(const struct virtdev_vhost_user *r)
{
	switch (r->config.id) {
	case VIRTDEV_ID_BALLOON:
	case VIRTDEV_ID_INPUT:
	case VIRTDEV_ID_PMEM:
		return true;
	case VIRTDEV_ID_CONSOLE:
		return !(virtdev_transport_features(r->t) & CONSOLE_F_MULTIPORT);
	default:
		return virtdev_priv_remote_is_stateless(r);
	}
}

/*
 * The back-end of a file system may keep inodes and handles in a file of its own, and
 * others than those of libvirtio-devices do not report it.
 */
static enum virtdev_vhost_user_settings judge_settings(const struct virtdev_vhost_user *r,
					      bool rings_lost)
{
	uint64_t loads;
	const bool reports = kept_loads(r, &loads);

	if (rings_lost)
		return VIRTDEV_VHOST_USER_SETTINGS_RESET;
	if (loads > r->kept_loads)
		return VIRTDEV_VHOST_USER_SETTINGS_KEPT;
	if (has_only_settings(r) || !(virtdev_transport_status(r->t) & VIRTDEV_STATUS_DRIVER_OK))
		return VIRTDEV_VHOST_USER_SETTINGS_REPEATED;
	return r->config.id == VIRTDEV_ID_FS && !reports ? VIRTDEV_VHOST_USER_SETTINGS_UNKNOWN :
							   VIRTDEV_VHOST_USER_SETTINGS_RESET;
}

/* A replacement that has continued with the state may be lost before it serves. */
void virtdev_priv_remote_tries(struct virtdev_vhost_user *r)
{
	(void)!kept_loads(r, &r->kept_loads);
}

void virtdev_priv_remote_lost(struct virtdev_vhost_user *r)
{
	/* a back-end that is lost while it stops does not report positions */
	if (r->phase == REMOTE_PAUSES || r->phase == REMOTE_RESUMES)
		virtdev_transport_needs_reset(r->t);
	(void)virtdev_priv_remote_enter(&r->phase, REMOTE_ON_LOST);
	r->config_asked = 0;
	virtdev_priv_remote_stream_lost(r);
	virtdev_priv_remote_postcopy_lost(r);
	virtdev_priv_remote_tries(r);
}

void virtdev_priv_remote_replaced(struct virtdev_vhost_user *r, bool rings_lost)
{
	if (!r->t)
		return;
	r->outcome = judge_settings(r, rings_lost);
	if (r->outcome == VIRTDEV_VHOST_USER_SETTINGS_RESET)
		virtdev_transport_needs_reset(r->t);
}

enum virtdev_vhost_user_settings virtdev_vhost_user_settings(const struct virtdev_vhost_user *r)
{
	return r->outcome;
}
