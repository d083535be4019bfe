/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Single requests of the owner: configuration space and reset. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vhost/frontend_device.h>

#include "frontend/priv.h"
#include <vmm-sys-util/checked.h>

#define STATUS_FEATURES_OK 0x8u

static int config_check(const struct vhost_user_frontend *f, const char *what,
			uint32_t off, uint32_t len, struct vsu_error *err)
{
	if (f->state == VHOST_USER_FRONTEND_NEGOTIATING ||
	    f->state == VHOST_USER_FRONTEND_DEAD)
		return vsu_error_set(err, -EPROTO,
				     "%s: the session with '%s' is not ready",
				     what, f->peer);
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_CONFIG))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s: the back-end '%s' has no configuration (protocol feature CONFIG)",
				     what, f->peer);
	if (!len || vsu_range_exceeds(off, len, VHOST_USER_MAX_CONFIG))
		return vsu_error_set(err, -EINVAL, "%s: %" PRIu32 " bytes at %"
				     PRIu32 " exceed the maximum of %u bytes", what, len, off,
				     VHOST_USER_MAX_CONFIG);
	return 0;
}

int vhost_user_frontend_get_config(struct vhost_user_frontend *f, uint32_t off,
				   uint32_t len, struct vsu_error *err)
{
	static const unsigned char filler[VHOST_USER_MAX_CONFIG];
	const struct vhost_user_config head = { off, len, 0 };
	const struct fe_request r = {
		.number = VHOST_USER_GET_CONFIG,
		.head = &head,
		.head_len = sizeof(head),
		.tail = filler,
		.tail_len = len,
		.note = { .ring = FE_NO_ITEM, .off = off, .len = len },
	};
	int rc = config_check(f, "get_config", off, len, err);

	return rc ? rc : vhost_user_priv_fe_request_now(f, &r, err);
}

int vhost_user_frontend_set_config(struct vhost_user_frontend *f, uint32_t off,
				   const void *buf, uint32_t len,
				   bool migration, struct vsu_error *err)
{
	const struct vhost_user_config head = {
		off, len, migration ? VHOST_USER_CONFIG_MIGRATION : 0
	};
	const struct fe_request r = {
		.number = VHOST_USER_SET_CONFIG,
		.head = &head,
		.head_len = sizeof(head),
		.tail = buf,
		.tail_len = len,
		.note = { .ring = FE_NO_ITEM },
	};
	int rc = config_check(f, "set_config", off, len, err);

	return rc ? rc : vhost_user_priv_fe_request_now(f, &r, err);
}

/* A back-end without either message is reset by stopping its rings. */
static int send_reset(struct vhost_user_frontend *f, struct vsu_error *err)
{
	const uint64_t status = 0;
	const struct fe_request device = {
		.number = VHOST_USER_RESET_DEVICE,
		.note = { .ring = FE_NO_ITEM },
	};
	const struct fe_request by_status = {
		.number = VHOST_USER_SET_STATUS,
		.head = &status,
		.head_len = sizeof(status),
		.note = { .ring = FE_NO_ITEM },
	};

	if (fe_has(f, VHOST_USER_PROTOCOL_F_RESET_DEVICE))
		return vhost_user_priv_fe_request(f, &device, err);
	if (fe_has(f, VHOST_USER_PROTOCOL_F_STATUS))
		return vhost_user_priv_fe_request(f, &by_status, err);
	return 0;
}

int vhost_user_frontend_reset(struct vhost_user_frontend *f,
			      struct vsu_error *err)
{
	int rc;

	/* the next back-end starts in its initial state */
	if (f->reconnect.away && !f->reconnect.resume &&
	    f->state == VHOST_USER_FRONTEND_NEGOTIATING) {
		f->parking = false;
		vhost_user_frontend_forget_config(f);
		vhost_user_priv_fe_free_rings(f);
		vhost_user_priv_fe_drop_inflight(f);
		return 0;
	}
	if (f->state != VHOST_USER_FRONTEND_READY || f->progress.seq)
		return vsu_error_set(err, -EPROTO,
				     "reset: the session with '%s' is not ready, or it runs",
				     f->peer);
	rc = send_reset(f, err);
	if (rc < 0)
		return rc;
	f->parking = false;
	vhost_user_frontend_forget_config(f);
	vhost_user_priv_fe_free_rings(f);
	vhost_user_priv_fe_drop_inflight(f);
	vhost_user_priv_fe_shmem_clear(f);
	vhost_user_priv_fe_push(f);
	return 0;
}

/* ----------------------------------------------------- replies and requests */

/* A device rejects features by clearing FEATURES_OK (VIRTIO 1.3, 3.1.1). */
static int accept_status(struct vhost_user_frontend *f,
		       const struct fe_pending *p,
		       const struct vhost_user_priv_msg *msg,
		       struct vsu_error *err)
{
	(void)p;
	if (msg->payload.u64 & STATUS_FEATURES_OK)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "the device does not work with the features %#" PRIx64 " (status %#" PRIx64 ")",
			     f->acked, msg->payload.u64);
}

/*
 * Back-ends encode a refusal in several ways, so any unexpected reply is one.
 */
static int accept_config(struct vhost_user_frontend *f,
		       const struct fe_pending *p,
		       const struct vhost_user_priv_msg *msg,
		       struct vsu_error *err)
{
	const struct vhost_user_config *c = msg ? &msg->payload.config : NULL;
	bool whole = c && msg->hdr.size == sizeof(*c) + p->len &&
		     c->offset == p->off && c->size == p->len;

	(void)err;
	if (f->ops.config)
		f->ops.config(f->opaque, p->off,
			      whole ? msg->payload.bytes + sizeof(*c) : NULL,
			      whole ? p->len : 0);
	return 0;
}

/* Dispatch reports several changes to the owner once. */
static int serve_config_change(struct vhost_user_frontend *f,
			       const struct vhost_user_priv_msg *msg, int *fd,
			       struct vsu_error *why)
{
	(void)msg;
	(void)fd;
	(void)why;
	f->config_changed = true;
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(GET_CONFIG), .accept = accept_config, .reports = true },
	{ FE_SENT(SET_CONFIG) },
	{ FE_SENT(GET_STATUS), .accept = accept_status },
	{ FE_SENT(SET_STATUS) },
	{ FE_SENT(RESET_DEVICE) },
	{ FE_SERVED(CONFIG_CHANGE_MSG), .serve = serve_config_change },
};
FE_HANDLERS(config, rows);
