/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * From a received message to its reply: what the message table demands is
 * checked here, once for all messages; what remains is its handler's.
 */
#include <config.h>

#include <errno.h>

#include "backend/backend_priv.h"

/* Messages with descriptors they do not take, before the session ends. */
#define MAX_STRIKES 16u

#define H(request, check_fn, apply_fn, scope_, quiet_) \
	[VHOST_USER_##request] = { check_fn, apply_fn, \
				   VHOST_USER_PRIV_##scope_, \
				   VHOST_USER_PRIV_##quiet_ }
#define P(name) vhost_user_priv_##name

/* A bit of the protocol is offered when its messages are here. */
const struct vhost_user_priv_handler vhost_user_priv_handlers[] = {
	H(GET_FEATURES, NULL, P(get_features), NO_RING, GO),
	H(SET_FEATURES, P(check_features), P(set_features), ALL_RINGS, GO),
	H(SET_OWNER, NULL, P(set_owner), NO_RING, GO),
	H(RESET_OWNER, NULL, P(reset_owner), ALL_RINGS, DRAIN),
	H(SET_MEM_TABLE, P(check_mem_table), P(commit_memory), ALL_RINGS, GO),
	H(SET_LOG_BASE, P(check_log_base), P(set_log_base), ALL_RINGS, GO),
	H(SET_LOG_FD, NULL, P(set_log_fd), NO_RING, GO),
	H(SET_VRING_NUM, P(check_vring_num), P(set_vring_num), ONE_RING, GO),
	H(SET_VRING_ADDR, P(check_vring_addr), P(set_vring_addr), ONE_RING,
	  GO),
	H(SET_VRING_BASE, P(check_vring_base), P(set_vring_base), ONE_RING,
	  GO),
	H(GET_VRING_BASE, NULL, P(get_vring_base), ONE_RING, DRAIN),
	H(SET_VRING_KICK, P(check_vring_kick), P(set_vring_kick), ONE_RING,
	  GO),
	H(SET_VRING_CALL, P(check_vring_call), P(set_vring_call), ONE_RING,
	  GO),
	H(SET_VRING_ERR, P(check_vring_call), P(set_vring_err), ONE_RING, GO),
	H(GET_PROTOCOL_FEATURES, NULL, P(get_protocol_features), NO_RING, GO),
	H(SET_PROTOCOL_FEATURES, NULL, P(set_protocol_features), NO_RING, GO),
	H(GET_QUEUE_NUM, NULL, P(get_queue_num), NO_RING, GO),
	H(SET_VRING_ENABLE, P(check_vring_enable), P(set_vring_enable),
	  ONE_RING, GO),
	H(SET_BACKEND_REQ_FD, P(check_backend_req_fd), P(set_backend_req_fd),
	  NO_RING, GO),
	H(GET_CONFIG, P(check_config), P(get_config), NO_RING, GO),
	H(SET_CONFIG, P(check_config), P(set_config), NO_RING, GO),
	H(RESET_DEVICE, NULL, P(reset_device), ALL_RINGS, DRAIN),
	H(GET_MAX_MEM_SLOTS, NULL, P(get_max_mem_slots), NO_RING, GO),
	H(ADD_MEM_REG, P(check_add_mem_reg), P(commit_memory), NO_RING, GO),
	H(REM_MEM_REG, P(check_rem_mem_reg), P(commit_memory), ALL_RINGS, GO),
	H(SET_STATUS, P(check_status), P(set_status), ALL_RINGS, GO),
	H(GET_STATUS, NULL, P(get_status), NO_RING, GO),
	H(GET_SHMEM_CONFIG, NULL, P(get_shmem_config), NO_RING, GO),
};

const unsigned int vhost_user_priv_nhandlers =
	sizeof(vhost_user_priv_handlers) / sizeof(vhost_user_priv_handlers[0]);

const struct vhost_user_priv_handler *vhost_user_priv_handler(uint32_t number)
{
	return number < vhost_user_priv_nhandlers &&
	       vhost_user_priv_handlers[number].apply ?
	       &vhost_user_priv_handlers[number] : NULL;
}

/* replies */

static bool negotiated(const struct vhost_user_backend *b, uint8_t bit)
{
	return b->protocol_features >> bit & 1;
}

static void send_reply(struct vhost_user_backend *b, uint32_t request,
		       const void *payload, size_t len)
{
	if (vhost_user_priv_channel_send(&b->main, request,
					 VHOST_USER_HDR_VERSION |
					 VHOST_USER_HDR_REPLY, payload, len,
					 NULL, 0, NULL, 0, &b->why) < 0)
		vhost_user_priv_backend_fail(b);
}

static void send_status(struct vhost_user_backend *b, uint32_t request,
			uint64_t status)
{
	send_reply(b, request, &status, sizeof(status));
}

/* The sender of this request wants an acknowledgement, and may. */
static bool ack_wanted(const struct vhost_user_backend *b,
		       const struct vhost_user_priv_msg *msg)
{
	return (msg->hdr.flags & VHOST_USER_HDR_NEED_REPLY) &&
	       negotiated(b, VHOST_USER_PROTOCOL_F_REPLY_ACK);
}

/* Without LOG_SHMFD nobody waits for an answer to SET_LOG_BASE. */
static uint8_t reply_class(const struct vhost_user_backend *b,
			   const struct vhost_user_priv_message *row)
{
	if (row->number == VHOST_USER_SET_LOG_BASE &&
	    !negotiated(b, row->protocol_bit))
		return VHOST_USER_PRIV_ACK;
	return row->reply;
}

/* Says no in the form that the sender waits for; the session goes on. */
static void refuse(struct vhost_user_backend *b,
		   const struct vhost_user_priv_message *row,
		   const struct vhost_user_priv_msg *msg)
{
	uint64_t no = 1;

	switch (row ? reply_class(b, row) : VHOST_USER_PRIV_ACK) {
	case VHOST_USER_PRIV_VALUE:
		send_reply(b, msg->hdr.request, NULL, 0);
		break;
	case VHOST_USER_PRIV_STATUS:
		if (row->reply_fds != VHOST_USER_PRIV_FDS_NONE)
			no |= VHOST_USER_VRING_NOFD;
		send_status(b, msg->hdr.request, no);
		break;
	default:
		if (ack_wanted(b, msg))
			send_status(b, msg->hdr.request, no);
		break;
	}
}

static void accept(struct vhost_user_backend *b,
		   const struct vhost_user_priv_message *row,
		   const struct vhost_user_priv_msg *msg)
{
	if (row->reply == VHOST_USER_PRIV_VALUE)
		send_reply(b, msg->hdr.request, msg->payload.bytes,
			   msg->hdr.size);
	else if (row->reply == VHOST_USER_PRIV_STATUS || ack_wanted(b, msg))
		send_status(b, msg->hdr.request, 0);
}

/* checks */

/* Descriptors where none belong cost the peer its session at last. */
static int strike(struct vhost_user_backend *b,
		  const struct vhost_user_priv_msg *msg, unsigned int max,
		  struct vsu_error *err)
{
	const char *name = vhost_user_priv_message_name(VHOST_USER_PRIV_FRONTEND,
							msg->hdr.request);

	if (++b->strikes >= MAX_STRIKES) {
		vsu_error_set(&b->why, -EPROTO,
			      "%u messages came with descriptors they do not take, the last was %s (%u) with %u",
			      b->strikes, name, msg->hdr.request, msg->nfds);
		vhost_user_priv_backend_fail(b);
	}
	return vsu_error_set(err, -EPROTO, "%s came with %u descriptors, it takes %u",
			     name, msg->nfds, max);
}

static int check_fds(struct vhost_user_backend *b,
		     const struct vhost_user_priv_message *row,
		     const struct vhost_user_priv_msg *msg,
		     struct vsu_error *err)
{
	unsigned int min, max;

	vhost_user_priv_request_fds(row, msg, &min, &max);
	if (msg->nfds > max)
		return strike(b, msg, max, err);
	if (msg->nfds < min)
		return vsu_error_set(err, -EPROTO,
				     "%s came with %u descriptors, it needs %u",
				     row->name, msg->nfds, min);
	return 0;
}

/* SET_VRING_ENABLE is known before features are agreed (some send it then). */
static bool feature_agreed(const struct vhost_user_backend *b, uint8_t bit)
{
	if (bit == VHOST_USER_PRIV_NO_BIT)
		return true;
	if (!b->features_set)
		return UINT64_C(1) << bit == VHOST_USER_F_PROTOCOL_FEATURES;
	return b->features >> bit & 1;
}

static int check_negotiated(const struct vhost_user_backend *b,
			    const struct vhost_user_priv_message *row,
			    struct vsu_error *err)
{
	uint8_t bit = row->protocol_bit;

	if (bit != VHOST_USER_PRIV_NO_BIT && !negotiated(b, bit))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s needs the protocol feature %s, which was not agreed",
				     row->name,
				     vhost_user_priv_protocol_feature_name(bit));
	if (!feature_agreed(b, row->feature_bit))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s needs feature bit %u, which was not agreed",
				     row->name, row->feature_bit);
	if (row->when == VHOST_USER_PRIV_SUSPENDED &&
	    vhost_user_priv_any_started(b))
		return vsu_error_set(err, -EPROTO,
				     "%s needs all rings to be stopped",
				     row->name);
	return 0;
}

/* The index is 32 bits wide in most messages, 8 in those with descriptors. */
static int check_ring(const struct vhost_user_backend *b,
		      const struct vhost_user_priv_message *row,
		      const struct vhost_user_priv_msg *msg,
		      struct vsu_error *err)
{
	uint64_t known = VHOST_USER_VRING_INDEX_MASK | VHOST_USER_VRING_NOFD;
	uint64_t index = msg->payload.state.index;

	if (row->kind == VHOST_USER_PRIV_U64) {
		index = msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
		if (msg->payload.u64 & ~known)
			return vsu_error_set(err, -EBADMSG,
					     "%s has unknown bits: %#llx",
					     row->name, (unsigned long long)
					     msg->payload.u64);
	}
	if (index < b->config.nrings)
		return 0;
	vsu_error_set(err, -EBADMSG, "%s names ring %llu, there are %u",
		      row->name, (unsigned long long)index, b->config.nrings);
	vsu_error_operands(err, 0, row->number, index, b->config.nrings);
	return -EBADMSG;
}

static uint32_t scope_ring(const struct vhost_user_priv_handler *h,
			   const struct vhost_user_priv_message *row,
			   const struct vhost_user_priv_msg *msg)
{
	if (h->scope == VHOST_USER_PRIV_ALL_RINGS)
		return VHOST_USER_ALL_RINGS;
	if (row->kind == VHOST_USER_PRIV_U64)
		return msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
	return msg->payload.state.index;
}

/* All that can be said before the handler is asked. */
static int check(struct vhost_user_backend *b,
		 const struct vhost_user_priv_message *row,
		 const struct vhost_user_priv_handler *h,
		 const struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc = vhost_user_priv_check_request(row, msg, err);

	if (rc == 0)
		rc = check_fds(b, row, msg, err);
	if (rc == 0 && !h)
		rc = vsu_error_set(err, -EOPNOTSUPP, "%s is not served",
				   row->name);
	if (rc == 0)
		rc = check_negotiated(b, row, err);
	if (rc == 0 && h->scope == VHOST_USER_PRIV_ONE_RING)
		rc = check_ring(b, row, msg, err);
	return rc;
}

/* handling */

static void finish(struct vhost_user_backend *b,
		   const struct vhost_user_priv_message *row,
		   const struct vhost_user_priv_handler *h,
		   struct vhost_user_priv_msg *msg)
{
	struct vsu_error err;

	if (h->apply(b, msg, &err) < 0)
		refuse(b, row, msg);
	else
		accept(b, row, msg);
	vhost_user_priv_msg_close_fds(msg);
	if (!b->ending)
		vhost_user_priv_settle(b);
}

void vhost_user_priv_backend_resume(struct vhost_user_backend *b)
{
	const struct vhost_user_priv_message *row = b->parked_row;

	b->parked_row = NULL;
	finish(b, row, b->parked_handler, b->parked_msg);
}

/* Parks the message unless its rings may run on or are quiet at once. */
static void carry_out(struct vhost_user_backend *b,
		      const struct vhost_user_priv_message *row,
		      const struct vhost_user_priv_handler *h,
		      struct vhost_user_priv_msg *msg, int quiet)
{
	uint32_t ring = scope_ring(h, row, msg);
	bool drain = quiet == VHOST_USER_PRIV_DRAIN;

	if (quiet == VHOST_USER_PRIV_GO ||
	    !vhost_user_priv_must_ask(b, ring, drain)) {
		finish(b, row, h, msg);
		return;
	}
	b->parked_row = row;
	b->parked_handler = h;
	b->parked_msg = msg;
	if (vhost_user_priv_ask(b, ring, drain))
		vhost_user_priv_backend_resume(b);
}

/* Nothing is known about it: an answer is given only where one was asked. */
static void unknown(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg)
{
	if (msg->nfds)
		strike(b, msg, 0, NULL);
	if (!b->ending)
		refuse(b, NULL, msg);
	vhost_user_priv_msg_close_fds(msg);
}

void vhost_user_priv_backend_message(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg)
{
	const struct vhost_user_priv_message *row =
		vhost_user_priv_message(VHOST_USER_PRIV_FRONTEND,
					msg->hdr.request);
	const struct vhost_user_priv_handler *h;
	struct vsu_error err;
	int rc;

	if (!row) {
		unknown(b, msg);
		return;
	}
	h = vhost_user_priv_handler(row->number);
	rc = check(b, row, h, msg, &err);
	if (rc == 0)
		rc = h->check ? h->check(b, msg, &err) : h->quiet;
	if (b->ending)
		return;
	if (rc >= 0) {
		carry_out(b, row, h, msg, rc);
		return;
	}
	refuse(b, row, msg);
	vhost_user_priv_msg_close_fds(msg);
}
