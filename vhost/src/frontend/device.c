/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of particular devices: the owner supplies their content and receives
 * the reply, or a notice that none will come.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "frontend/priv.h"
#include "wire/descriptor.h"

#define MAC_LEN 6u

/* Checks by the message table whether the request may be sent now. */
static int check_now(const struct vhost_user_frontend *f,
		     const struct vhost_user_message *row,
		     struct vsu_error *err)
{
	uint8_t bit = row->protocol_bit;

	if (f->reconnect.away || f->state == VHOST_USER_FRONTEND_NEGOTIATING ||
	    f->state == VHOST_USER_FRONTEND_DEAD)
		return vsu_error_set(err, -EPROTO,
				     "%s: the session with '%s' is not ready",
				     row->name, f->peer);
	if (bit != VHOST_USER_NO_BIT && !fe_has(f, bit))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s: the back-end '%s' lacks the protocol feature %s",
				     row->name, f->peer,
				     vhost_user_protocol_feature_name(bit));
	if (row->when == VHOST_USER_WHEN_SUSPENDED &&
	    f->state != VHOST_USER_FRONTEND_READY)
		return vsu_error_set(err, -EBUSY,
				     "%s: the rings of '%s' have to be stopped first",
				     row->name, f->peer);
	return 0;
}

/* fd -1: the request has no descriptor. */
static int send_now(struct vhost_user_frontend *f, uint32_t number,
		    const void *payload, size_t len, int fd,
		    struct vsu_error *err)
{
	const struct fe_request r = {
		.number = number,
		.head = payload,
		.head_len = len,
		.fds = &fd,
		.nfds = fd >= 0,
		.note = { .ring = FE_NO_ITEM },
	};
	int rc = check_now(f, vhost_user_message(VHOST_USER_SIDE_FRONTEND,
						      number), err);

	return rc ? rc : vhost_user_priv_fe_request_now(f, &r, err);
}

int vhost_user_frontend_announce(struct vhost_user_frontend *f,
				 const unsigned char *mac,
				 struct vsu_error *err)
{
	unsigned char word[sizeof(uint64_t)] = { 0 };

	memcpy(word, mac, MAC_LEN);
	return send_now(f, VHOST_USER_SEND_RARP, word, sizeof(word), -1, err);
}

int vhost_user_frontend_set_mtu(struct vhost_user_frontend *f, uint16_t mtu,
				struct vsu_error *err)
{
	const uint64_t word = mtu;

	return send_now(f, VHOST_USER_NET_SET_MTU, &word, sizeof(word), -1,
			err);
}

int vhost_user_frontend_open_session(struct vhost_user_frontend *f,
				     uint64_t op_code, const void *parameters,
				     uint32_t len, struct vsu_error *err)
{
	struct vhost_user_crypto_session s = { .op_code = op_code };

	if (len > sizeof(s.parameters))
		return vsu_error_set(err, -EINVAL,
				     "CREATE_CRYPTO_SESSION with %u bytes of parameters, the limit is %zu",
				     len, sizeof(s.parameters));
	memcpy(s.parameters, parameters, len);
	return send_now(f, VHOST_USER_CREATE_CRYPTO_SESSION, &s, sizeof(s), -1,
			err);
}

int vhost_user_frontend_close_session(struct vhost_user_frontend *f,
				      uint64_t id, struct vsu_error *err)
{
	return send_now(f, VHOST_USER_CLOSE_CRYPTO_SESSION, &id, sizeof(id), -1,
			err);
}

int vhost_user_frontend_set_gpu_socket(struct vhost_user_frontend *f, int sock,
				       struct vsu_error *err)
{
	return send_now(f, VHOST_USER_GPU_SET_SOCKET, NULL, 0, sock, err);
}

int vhost_user_frontend_move_state(struct vhost_user_frontend *f, bool load,
				   int fd, struct vsu_error *err)
{
	const struct vhost_user_transfer t = {
		.direction = load ? VHOST_USER_TRANSFER_LOAD :
				    VHOST_USER_TRANSFER_SAVE,
		.phase = VHOST_USER_TRANSFER_STOPPED,
	};

	return send_now(f, VHOST_USER_SET_DEVICE_STATE_FD, &t, sizeof(t), fd,
			err);
}

int vhost_user_frontend_check_state(struct vhost_user_frontend *f,
				    struct vsu_error *err)
{
	return send_now(f, VHOST_USER_CHECK_DEVICE_STATE, NULL, 0, -1, err);
}

int vhost_user_frontend_get_object(struct vhost_user_frontend *f,
				   const unsigned char *uuid,
				   struct vsu_error *err)
{
	return send_now(f, VHOST_USER_GET_SHARED_OBJECT, uuid,
			sizeof(struct vhost_user_shared), -1, err);
}

int vhost_user_frontend_postcopy_advise(struct vhost_user_frontend *f,
					struct vsu_error *err)
{
	return send_now(f, VHOST_USER_POSTCOPY_ADVISE, NULL, 0, -1, err);
}

int vhost_user_frontend_postcopy_listen(struct vhost_user_frontend *f,
					struct vsu_error *err)
{
	if (f->mem.nheld || f->state == VHOST_USER_FRONTEND_STARTING)
		return vsu_error_set(err, -EBUSY,
				     "POSTCOPY_LISTEN: the back-end '%s' has memory already",
				     f->peer);
	return send_now(f, VHOST_USER_POSTCOPY_LISTEN, NULL, 0, -1, err);
}

int vhost_user_frontend_postcopy_end(struct vhost_user_frontend *f,
				     struct vsu_error *err)
{
	if (f->progress.seq)
		return vsu_error_set(err, -EBUSY,
				     "POSTCOPY_END: another change of the session with '%s' is under way",
				     f->peer);
	return send_now(f, VHOST_USER_POSTCOPY_END, NULL, 0, -1, err);
}

/* ---------------------------------------------------- requests of back-ends */

static int serve_object(struct vhost_user_frontend *f,
			const struct vhost_user_priv_msg *msg, int *fd,
			struct vsu_error *why)
{
	const unsigned char *uuid = msg->payload.shared.uuid;

	if (msg->hdr.size != sizeof(msg->payload.shared))
		return vsu_error_set(why, -EBADMSG, "it names no object");
	if (msg->hdr.request == VHOST_USER_BACKEND_SHARED_OBJECT_ADD)
		return f->device.object_add(f->opaque, uuid);
	if (msg->hdr.request == VHOST_USER_BACKEND_SHARED_OBJECT_REMOVE)
		return f->device.object_remove(f->opaque, uuid);
	return f->device.object_lookup(f->opaque, uuid, fd);
}

/* ----------------------------------------------------------------- answers */

static int accept_session(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	int64_t id = -EPROTO;

	(void)p;
	(void)err;
	if (!msg)
		id = -ECONNRESET;
	else if (msg->hdr.size)
		id = msg->payload.crypto.session_id;
	if (f->ops.session)
		f->ops.session(f->opaque, id);
	return 0;
}

static int check_state_fd(const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	if (msg->nfds != 1)
		return vsu_error_set(err, -EBADMSG,
				     "SET_DEVICE_STATE_FD: the reply announces a descriptor and has none");
	return vhost_user_priv_check_stream(msg->fds[0],
					    VHOST_USER_PRIV_ANY_MODE,
					    "SET_DEVICE_STATE_FD: the reply",
					    err);
}

/* Unless the NOFD bit is set, the reply contains the descriptor to use. */
static int accept_state(struct vhost_user_frontend *f,
			const struct fe_pending *p,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	uint64_t word = msg ? msg->payload.u64 : 0;
	bool other = msg && !(word & VHOST_USER_VRING_NOFD);
	int result = !msg ? -ECONNRESET : word & 0xff ? -EREMOTEIO : 0;
	int rc = 0;

	(void)p;
	if (other && !result)
		rc = check_state_fd(msg, err);
	if (rc < 0)
		return rc;
	if (f->ops.state_moves)
		f->ops.state_moves(f->opaque, result,
				   other && !result ? msg->fds[0] : -1);
	return 0;
}

static int accept_checked(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	int result = !msg ? -ECONNRESET : msg->payload.u64 ? -EREMOTEIO : 0;

	(void)p;
	(void)err;
	if (f->ops.state_moved)
		f->ops.state_moved(f->opaque, result);
	return 0;
}

static int accept_object(struct vhost_user_frontend *f,
			 const struct fe_pending *p,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	int result = !msg ? -ECONNRESET : !msg->nfds ? -EREMOTEIO : 0;

	(void)p;
	(void)err;
	if (f->device.object)
		f->device.object(f->opaque, result, result ? -1 : msg->fds[0]);
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(SEND_RARP) },
	{ FE_SENT(NET_SET_MTU) },
	{ FE_SENT(CREATE_CRYPTO_SESSION), .accept = accept_session,
	  .reports = true },
	{ FE_SENT(CLOSE_CRYPTO_SESSION) },
	{ FE_SENT(SET_DEVICE_STATE_FD), .accept = accept_state, .reports = true },
	{ FE_SENT(CHECK_DEVICE_STATE), .accept = accept_checked,
	  .reports = true },
	{ FE_SENT(GET_SHARED_OBJECT), .accept = accept_object, .reports = true },
	{ FE_SERVED(SHARED_OBJECT_ADD), .serve = serve_object,
	  .ops = { FE_OP(device.object_add) } },
	{ FE_SERVED(SHARED_OBJECT_REMOVE), .serve = serve_object,
	  .ops = { FE_OP(device.object_remove) } },
	{ FE_SERVED(SHARED_OBJECT_LOOKUP), .serve = serve_object,
	  .ops = { FE_OP(device.object_lookup) } },
};
FE_HANDLERS(device, rows);
