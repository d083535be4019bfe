/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Messages for particular devices: their content is checked as far as the
 * protocol defines it, and passed to the owner.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "backend/priv.h"
#include "wire/descriptor.h"

/* VIRTIO 1.3, 5.1.4: the minimum for a driver. */
#define MIN_MTU 68u

static int device_error(int rc, const char *name, struct vsu_error *err)
{
	return rc < 0 ? vsu_error_sys(err, rc, "the device refuses %s", name) :
			0;
}

/* network */

/* The address is in the first six bytes, in memory order. */
static int send_rarp(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	return device_error(b->ops.announce(b->opaque, msg->payload.bytes),
			   "SEND_RARP", err);
}

static int check_mtu(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	uint64_t mtu = msg->payload.u64;

	(void)b;
	if (mtu >= MIN_MTU && mtu <= UINT16_MAX)
		return VHOST_USER_PRIV_GO;
	vsu_error_set(err, -EBADMSG,
		      "NET_SET_MTU of %" PRIu64 " bytes, %u to %u are allowed",
		      mtu, MIN_MTU, UINT16_MAX);
	vsu_error_operands(err, VHOST_USER_NET_SET_MTU, mtu, UINT16_MAX);
	return -EBADMSG;
}

static int set_mtu(struct vhost_user_backend *b,
		   struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	return device_error(b->ops.set_mtu(b->opaque,
					  (uint16_t)msg->payload.u64),
			   "NET_SET_MTU", err);
}

/* crypto */

/*
 * A refusal has the format of the reply, with a negative number in the last
 * field.
 */
static int create_session(struct vhost_user_backend *b,
			  struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	struct vhost_user_crypto_session *s = &msg->payload.crypto;
	int64_t id = -1;
	int rc = b->ops.open_session(b->opaque, s->op_code, s->parameters,
				     sizeof(s->parameters), &id);

	(void)err;
	s->session_id = rc < 0 ? rc : id;
	return 0;
}

static int close_session(struct vhost_user_backend *b,
			 struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	return device_error(b->ops.close_session(b->opaque, msg->payload.u64),
			   "CLOSE_CRYPTO_SESSION", err);
}

/* graphics */

static int check_gpu_socket(struct vhost_user_backend *b,
			    struct vhost_user_priv_msg *msg,
			    struct vsu_error *err)
{
	int rc;

	if (!b->ops.take_gpu_socket)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "GPU_SET_SOCKET: this device is not a GPU");
	rc = vhost_user_priv_check_socket(msg->fds[0], b->main.fd,
					  "GPU_SET_SOCKET", err);
	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

static int set_gpu_socket(struct vhost_user_backend *b,
			  struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	int rc = b->ops.take_gpu_socket(b->opaque, msg->fds[0]);

	if (rc < 0)
		return device_error(rc, "GPU_SET_SOCKET", err);
	vhost_user_priv_msg_take_fd(msg, 0);
	return 0;
}

/* state of a device that migrates */

static int check_transfer(struct vhost_user_backend *b,
			  struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	const struct vhost_user_transfer *t = &msg->payload.transfer;
	int rc;

	(void)b;
	if (t->direction > VHOST_USER_TRANSFER_LOAD ||
	    t->phase != VHOST_USER_TRANSFER_STOPPED)
		return vsu_error_set(err, -EBADMSG,
				     "SET_DEVICE_STATE_FD in direction %u and phase %u, supported are 0 (save) and 1 (load) in phase 0 (stopped)",
				     t->direction, t->phase);
	rc = vhost_user_priv_check_stream(msg->fds[0],
					  t->direction ==
					  VHOST_USER_TRANSFER_LOAD ?
					  O_WRONLY : O_RDONLY,
					  "SET_DEVICE_STATE_FD", err);
	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

static int set_transfer(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	bool load = msg->payload.transfer.direction == VHOST_USER_TRANSFER_LOAD;
	int rc = b->ops.take_state_fd(b->opaque, load, msg->fds[0]);

	if (rc < 0)
		return device_error(rc, "SET_DEVICE_STATE_FD", err);
	vhost_user_priv_msg_take_fd(msg, 0);
	b->state_moves = true;
	return 0;
}

/* The owner may need time to finish its side of the transfer. */
static int check_moved(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	if (!b->state_moves)
		return vsu_error_set(err, -EPROTO,
				     "CHECK_DEVICE_STATE without a SET_DEVICE_STATE_FD before it");
	return VHOST_USER_PRIV_ASK_STATE;
}

static int answer_moved(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	b->state_moves = false;
	return device_error(b->parked.answer.result, "its state", err);
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_SEND_RARP, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, send_rarp, NULL },
	{ VHOST_USER_NET_SET_MTU, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  check_mtu, set_mtu, NULL },
	{ VHOST_USER_CREATE_CRYPTO_SESSION, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, NULL, create_session, NULL },
	{ VHOST_USER_CLOSE_CRYPTO_SESSION, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, NULL, close_session, NULL },
	{ VHOST_USER_GPU_SET_SOCKET, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_gpu_socket, set_gpu_socket, NULL },
	{ VHOST_USER_SET_DEVICE_STATE_FD, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_transfer, set_transfer, NULL },
	{ VHOST_USER_CHECK_DEVICE_STATE, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_moved, answer_moved, NULL },
};

VHOST_USER_PRIV_HANDLERS(device_handlers, handlers);
