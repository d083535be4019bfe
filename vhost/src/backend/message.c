/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Processes a received message up to its reply. Rules of the message table are checked
 * here for all messages; the rest is the handler's task.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "backend/priv.h"
#include <vmm-sys-util/fd.h>

/* Messages with unexpected descriptors after which the session ends. */
#define MAX_STRIKES 16u

static const struct vhost_user_priv_handlers *const groups[] = {
	&vhost_user_priv_features_handlers, &vhost_user_priv_memory_handlers,
	&vhost_user_priv_log_handlers, &vhost_user_priv_vring_handlers,
	&vhost_user_priv_kick_handlers, &vhost_user_priv_config_handlers,
	&vhost_user_priv_channel_handlers, &vhost_user_priv_shmem_handlers,
	&vhost_user_priv_device_handlers, &vhost_user_priv_inflight_handlers,
	&vhost_user_priv_object_handlers, &vhost_user_priv_postcopy_handlers,
	&vhost_user_priv_inband_handlers, &vhost_user_priv_iotlb_handlers,
};

void vhost_user_priv_index_handlers(struct vhost_user_backend *b)
{
	const struct vhost_user_priv_handler *h;
	unsigned int i, j;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (j = 0; j < groups[i]->n; j++) {
			h = &groups[i]->rows[j];
			b->handlers[h->request] = h;
		}
	}
}

/* replies */

static void send_reply(struct vhost_user_backend *b, uint32_t request,
		       const void *payload, size_t len)
{
	const struct vhost_user_priv_out reply = {
		.request = request,
		.flags = VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY,
		.head = payload, .head_len = len,
		.fds = &b->reply_fd, .nfds = b->reply_fd >= 0,
	};

	if (vhost_user_priv_channel_send(&b->main, &reply, &b->why) < 0)
		vhost_user_priv_backend_fail(b);
	vsu_fd_close(&b->reply_fd);
}

static void send_status(struct vhost_user_backend *b, uint32_t request,
			uint64_t status)
{
	send_reply(b, request, &status, sizeof(status));
}

/* True if the sender requested an acknowledgement and may do so. */
static bool ack_wanted(const struct vhost_user_backend *b,
		       const struct vhost_user_priv_msg *msg)
{
	return (msg->hdr.flags & VHOST_USER_HDR_NEED_REPLY) &&
	       vhost_user_priv_agreed(b, VHOST_USER_PROTOCOL_F_REPLY_ACK);
}

/* Without LOG_SHMFD, SET_LOG_BASE has no reply. */
static uint8_t reply_class(const struct vhost_user_backend *b,
			   const struct vhost_user_message *row)
{
	if (row->number == VHOST_USER_SET_LOG_BASE &&
	    !vhost_user_priv_agreed(b, row->protocol_bit))
		return VHOST_USER_REPLY_ACK;
	return row->reply;
}

/* Sends a refusal in the form that the sender expects. */
static void send_refusal(struct vhost_user_backend *b,
		      const struct vhost_user_message *row,
		      const struct vhost_user_priv_msg *msg)
{
	uint64_t no = 1;

	switch (row ? reply_class(b, row) : VHOST_USER_REPLY_ACK) {
	case VHOST_USER_REPLY_VALUE:
		send_reply(b, msg->hdr.request, NULL, 0);
		break;
	case VHOST_USER_REPLY_STATUS:
		if (row->reply_fds != VHOST_USER_FDS_NONE)
			no |= VHOST_USER_VRING_NOFD;
		send_status(b, msg->hdr.request, no);
		break;
	default:
		if (ack_wanted(b, msg))
			send_status(b, msg->hdr.request, no);
		break;
	}
}

static void answer_yes(struct vhost_user_backend *b,
		       const struct vhost_user_message *row,
		       const struct vhost_user_priv_msg *msg)
{
	bool may_have_fd = row->reply_fds != VHOST_USER_FDS_NONE;

	if (row->reply == VHOST_USER_REPLY_VALUE)
		send_reply(b, msg->hdr.request, msg->payload.bytes,
			   msg->hdr.size);
	else if (row->reply == VHOST_USER_REPLY_STATUS || ack_wanted(b, msg))
		send_status(b, msg->hdr.request,
			    may_have_fd ? VHOST_USER_VRING_NOFD : 0);
}

/* The ring index of a message: 32 bits wide in most, 8 in some. */
static uint32_t named_ring(const struct vhost_user_message *row,
			   const struct vhost_user_priv_msg *msg)
{
	if (row->kind == VHOST_USER_PAYLOAD_RING)
		return msg->payload.u64 & VHOST_USER_VRING_INDEX_MASK;
	return msg->payload.state.index;
}

static uint32_t refused_ring(const struct vhost_user_backend *b,
			     const struct vhost_user_message *row,
			     const struct vhost_user_priv_msg *msg)
{
	const struct vhost_user_priv_handler *h =
		row ? b->handlers[row->number] : NULL;
	uint32_t ring;

	if (!h || h->scope != VHOST_USER_PRIV_ONE_RING ||
	    vhost_user_priv_check_request(row, msg, NULL) < 0)
		return VHOST_USER_ALL_RINGS;
	ring = named_ring(row, msg);
	return ring < b->config.nrings ? ring : VHOST_USER_ALL_RINGS;
}

/* Replies and reports the refusal to the owner; the session continues. */
static void message_refuse(struct vhost_user_backend *b,
			   const struct vhost_user_message *row,
			   struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_priv_handler *h =
		row ? b->handlers[row->number] : NULL;
	uint32_t ring = refused_ring(b, row, msg);

	send_refusal(b, row, msg);
	vhost_user_priv_msg_close_fds(msg);
	if (h && h->refused && (ring != VHOST_USER_ALL_RINGS ||
				h->scope != VHOST_USER_PRIV_ONE_RING))
		h->refused(b, ring, row->number);
	vhost_user_priv_report(b, msg->hdr.request, ring, err);
}

/* checks */

/* Unexpected descriptors end the session after MAX_STRIKES messages. */
static int strike_add(struct vhost_user_backend *b,
		      const struct vhost_user_priv_msg *msg, unsigned int max,
		      struct vsu_error *err)
{
	const char *name = vhost_user_message_name(VHOST_USER_SIDE_FRONTEND,
							msg->hdr.request);

	if (++b->strikes >= MAX_STRIKES) {
		vsu_error_set(&b->why, -EPROTO,
			      "%u messages carried unexpected descriptors, the last was %s (%u) with %u",
			      b->strikes, name, msg->hdr.request, msg->nfds);
		vhost_user_priv_backend_fail(b);
	}
	return vsu_error_set(err, -EPROTO, "%s has %u descriptors; expected at most %u",
			     name, msg->nfds, max);
}

static int check_fds(struct vhost_user_backend *b,
		     const struct vhost_user_message *row,
		     const struct vhost_user_priv_msg *msg,
		     struct vsu_error *err)
{
	unsigned int min, max;

	vhost_user_priv_request_fds(row, msg, &min, &max);
	if (msg->nfds > max)
		return strike_add(b, msg, max, err);
	if (msg->nfds < min)
		return vsu_error_set(err, -EPROTO,
				     "%s has %u descriptors; expected %u",
				     row->name, msg->nfds, min);
	return 0;
}

/* Some front-ends send SET_VRING_ENABLE before features are negotiated. */
static bool feature_agreed(const struct vhost_user_backend *b, uint8_t bit)
{
	if (bit == VHOST_USER_NO_BIT)
		return true;
	if (!vhost_user_priv_has_features(b))
		return UINT64_C(1) << bit == VHOST_USER_F_PROTOCOL_FEATURES;
	return b->features >> bit & 1;
}

static int check_negotiated(const struct vhost_user_backend *b,
			    const struct vhost_user_message *row,
			    struct vsu_error *err)
{
	uint8_t bit = row->protocol_bit;

	if (bit != VHOST_USER_NO_BIT && !vhost_user_priv_agreed(b, bit))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s needs the protocol feature %s, which was not negotiated",
				     row->name,
				     vhost_user_protocol_feature_name(bit));
	if (!feature_agreed(b, row->feature_bit))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s needs feature bit %u, which was not negotiated",
				     row->name, row->feature_bit);
	if (row->when == VHOST_USER_WHEN_SUSPENDED &&
	    vhost_user_priv_any_started(b))
		return vsu_error_set(err, -EPROTO,
				     "%s needs all rings to be stopped",
				     row->name);
	return 0;
}

static int check_ring(const struct vhost_user_backend *b,
		      const struct vhost_user_message *row,
		      const struct vhost_user_priv_msg *msg,
		      struct vsu_error *err)
{
	uint64_t known = VHOST_USER_VRING_INDEX_MASK | VHOST_USER_VRING_NOFD;
	uint32_t index = named_ring(row, msg);

	if (row->kind == VHOST_USER_PAYLOAD_RING && (msg->payload.u64 & ~known))
		return vsu_error_set(err, -EBADMSG,
				     "%s has unknown bits: %#" PRIx64, row->name,
				     msg->payload.u64);
	if (index < b->config.nrings)
		return 0;
	vsu_error_set(err, -EBADMSG, "%s names ring %u, the device has %u",
		      row->name, index, b->config.nrings);
	vsu_error_operands(err, row->number, index, b->config.nrings);
	return -EBADMSG;
}

/* All checks that precede the handler's own. */
static int check_message(struct vhost_user_backend *b,
			 const struct vhost_user_message *row,
			 const struct vhost_user_priv_handler *h,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	int rc = vhost_user_priv_check_request(row, msg, err);

	if (rc == 0)
		rc = check_fds(b, row, msg, err);
	if (rc == 0 && !h)
		rc = vsu_error_set(err, -EOPNOTSUPP, "%s is not supported",
				   row->name);
	if (rc == 0)
		rc = check_negotiated(b, row, err);
	if (rc == 0 && h->scope == VHOST_USER_PRIV_ONE_RING)
		rc = check_ring(b, row, msg, err);
	return rc;
}

/* handling */

static void finish_message(struct vhost_user_backend *b,
			   const struct vhost_user_message *row,
			   struct vhost_user_priv_msg *msg)
{
	struct vsu_error err;

	vhost_user_priv_no_error(&err);
	if (b->handlers[row->number]->apply(b, msg, &err) < 0)
		message_refuse(b, row, msg, &err);
	else
		answer_yes(b, row, msg);
	vhost_user_priv_msg_close_fds(msg);
	if (!vhost_user_priv_is_ending(b))
		vhost_user_priv_start_ready_rings(b);
}

void vhost_user_priv_backend_resume(struct vhost_user_backend *b)
{
	const struct vhost_user_message *row = b->parked.row;

	b->parked.row = NULL;
	finish_message(b, row, b->parked.msg);
}

/* Parks the message unless its rings may continue or are already quiet. */
static void carry_out(struct vhost_user_backend *b,
		      const struct vhost_user_message *row,
		      const struct vhost_user_priv_handler *h,
		      struct vhost_user_priv_msg *msg, int quiet)
{
	bool drain = quiet == VHOST_USER_PRIV_DRAIN;
	uint32_t ring = VHOST_USER_ALL_RINGS;

	if (h->scope == VHOST_USER_PRIV_ONE_RING)
		ring = named_ring(row, msg);
	if (quiet == VHOST_USER_PRIV_GO ||
	    (quiet != VHOST_USER_PRIV_ASK_STATE &&
	     !vhost_user_priv_must_ask(b, ring, drain))) {
		finish_message(b, row, msg);
		return;
	}
	b->parked.row = row;
	b->parked.msg = msg;
	if (vhost_user_priv_ask(b, ring, quiet))
		vhost_user_priv_backend_resume(b);
}

/* Unknown message: replies only if an acknowledgement was requested. */
static void refuse_unknown(struct vhost_user_backend *b,
			   struct vhost_user_priv_msg *msg)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EOPNOTSUPP, "request %u is unknown",
		      msg->hdr.request);
	if (msg->nfds)
		strike_add(b, msg, 0, NULL);
	if (!vhost_user_priv_is_ending(b))
		message_refuse(b, NULL, msg, &err);
	vhost_user_priv_msg_close_fds(msg);
}

/*
 * SET_MEM_TABLE during postcopy has a reply of its own; the message that ends
 * it has none.
 */
static const struct vhost_user_message *
find_row(const struct vhost_user_backend *b,
	 const struct vhost_user_priv_msg *msg)
{
	if (b->postcopy.listening &&
	    msg->hdr.request == VHOST_USER_SET_MEM_TABLE &&
	    msg->payload.table.nregions)
		return &vhost_user_priv_postcopy_table;
	return vhost_user_message(VHOST_USER_SIDE_FRONTEND,
				       msg->hdr.request);
}

void vhost_user_priv_backend_message(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg)
{
	const struct vhost_user_message *row = find_row(b, msg);
	const struct vhost_user_priv_handler *h;
	struct vsu_error err;
	int rc;

	vhost_user_priv_no_error(&err);
	if (!row) {
		refuse_unknown(b, msg);
		return;
	}
	h = b->handlers[row->number];
	rc = check_message(b, row, h, msg, &err);
	if (rc == 0)
		rc = h->check ? h->check(b, msg, &err) : h->quiet;
	if (vhost_user_priv_is_ending(b))
		return;
	if (rc >= 0)
		carry_out(b, row, h, msg, rc);
	else
		message_refuse(b, row, msg, &err);
}
