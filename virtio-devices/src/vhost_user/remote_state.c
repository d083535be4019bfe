/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Saves and loads a paused device that a back-end serves. */
#include <config.h>

#include <errno.h>

#include <vhost/protocol.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/net_layout.h>

#include "vhost_user/remote_priv.h"

bool virtdev_priv_remote_is_stateless(const struct virtdev_vhost_user *r)
{
	switch (r->config.id) {
	case VIRTDEV_ID_BLOCK:
	case VIRTDEV_ID_ENTROPY:
	case VIRTDEV_ID_SCSI:
		return true;
	case VIRTDEV_ID_NET:
		return !(virtdev_transport_features(r->t) & VIRTDEV_NET_F_CTRL_VQ);
	default:
		return false;
	}
}

/* True if the back-end can transfer the state that it keeps. */
static bool moves_state(const struct virtdev_vhost_user *r)
{
	return vhost_user_frontend_protocol_features(r->frontend) &
	       (UINT64_C(1) << VHOST_USER_PROTOCOL_F_DEVICE_STATE);
}

static bool has_windows(const struct virtdev_vhost_user *r)
{
	unsigned int id;

	for (id = 0; id < VHOST_USER_SHMEM_REGIONS; id++)
		if (vhost_user_frontend_shmem_size(r->frontend, (uint8_t)id))
			return true;
	return false;
}

int virtdev_priv_remote_check_save(const void *self, struct vsu_error *err)
{
	const struct virtdev_vhost_user *r = self;

	if (r->phase == REMOTE_FAILED || virtdev_priv_remote_is_away(r))
		return vsu_error_set(err, -ENOTCONN, "%s is disconnected", r->who);
	if (has_windows(r))
		return vsu_error_set(err, -EOPNOTSUPP, "%s has shared memory regions, whose mappings cannot be saved",
				     r->who);
	if (!virtdev_priv_remote_is_stateless(r) && !moves_state(r))
		return vsu_error_set(err, -EOPNOTSUPP, "%s keeps state of this device and lacks the protocol feature DEVICE_STATE, which saves it",
				     r->who);
	return 0;
}

/* A back-end saves its own state after its queues have stopped. */
int virtdev_priv_remote_collect(void *self, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;

	return !virtdev_priv_remote_has_positions(r) || virtdev_priv_remote_is_stateless(r) ? 0 :
	       virtdev_priv_remote_stream_save(r, err);
}

int virtdev_priv_remote_take(void *self, void **bytes, size_t *len, struct vsu_error *err)
{
	const struct virtdev_vhost_user *r = self;

	if (r->phase != REMOTE_PAUSED)
		return vsu_error_set(err, -EBUSY, "the device of %s is not paused", r->who);
	return virtdev_priv_served_take(r->t, r->positions, r->stream.bytes, r->stream.len,
					bytes, len, err);
}
