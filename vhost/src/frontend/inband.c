/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* In-band notifications: messages instead of eventfds. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "frontend/priv.h"

static bool is_described(const struct vhost_user_frontend *f, uint32_t ring)
{
	return ring < f->nrings && f->rings[ring].described;
}

int vhost_user_frontend_kick(struct vhost_user_frontend *f, uint32_t ring,
			     struct vsu_error *err)
{
	const struct vhost_user_vring_state state = { ring, 0 };
	const struct fe_request r = {
		.number = VHOST_USER_VRING_KICK,
		.head = &state,
		.head_len = sizeof(state),
		.note = { .ring = (uint16_t)ring },
	};

	if (!fe_has(f, VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "VRING_KICK: the back-end '%s' lacks the protocol feature INBAND_NOTIFICATIONS",
				     f->peer);
	if (!is_described(f, ring))
		return vsu_error_set(err, -EINVAL,
				     "ring %" PRIu32 " was not described", ring);
	if (f->reconnect.away || f->state != VHOST_USER_FRONTEND_RUNNING)
		return vsu_error_set(err, -EPROTO,
				     "VRING_KICK: the session with '%s' does not run",
				     f->peer);
	return vhost_user_priv_fe_request_now(f, &r, err);
}

static int serve_inband(struct vhost_user_frontend *f,
			const struct vhost_user_priv_msg *msg, int *fd,
			struct vsu_error *why)
{
	uint32_t ring = msg->payload.state.index;

	(void)fd;
	if (!is_described(f, ring))
		return vsu_error_set(why, -EBADMSG,
				     "no ring %" PRIu32, ring);
	if (msg->hdr.request == VHOST_USER_BACKEND_VRING_CALL)
		f->device.called(f->opaque, ring);
	else
		f->device.ring_failed(f->opaque, ring);
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(VRING_KICK) },
	{ FE_SERVED(VRING_CALL), .serve = serve_inband,
	  .ops = { FE_OP(device.called) } },
	{ FE_SERVED(VRING_ERR), .serve = serve_inband,
	  .ops = { FE_OP(device.ring_failed) } },
};
FE_HANDLERS(inband, rows);
