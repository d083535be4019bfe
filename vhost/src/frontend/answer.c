/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Judges the back-end's replies. A reply answers the oldest request that has
 * none; whatever does not fit it ends the session, because nothing that
 * follows could be trusted to be in step.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "frontend/priv.h"

#define ALL_OF_REPLY	(VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY)
#define STATUS_FEATURES_OK 0x8u

/* Keeps the value of an answer; a negative errno ends the session. */
typedef int (*fe_accept_fn)(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err);

static int accept_features(struct vhost_user_frontend *f,
			 const struct fe_pending *p,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	(void)p;
	(void)err;
	/* later ones are barriers only: what was shown to a driver stays */
	if (f->state == VHOST_USER_FRONTEND_NEGOTIATING)
		f->features = msg->payload.u64;
	return 0;
}

static int accept_protocol_features(struct vhost_user_frontend *f,
				  const struct fe_pending *p,
				  const struct vhost_user_priv_msg *msg,
				  struct vsu_error *err)
{
	(void)p;
	(void)err;
	f->offered_protocol =
		vhost_user_priv_move_feature(msg->payload.u64, f->shmem_bit,
					     VHOST_USER_PROTOCOL_F_SHMEM);
	return 0;
}

/* A limit of the back-end: 0 makes no sense, too much is not believed. */
static int accept_limit(const struct vhost_user_priv_msg *msg, const char *name,
		      const char *what, uint32_t most, uint32_t *limit,
		      struct vsu_error *err)
{
	uint64_t value = msg->payload.u64;

	if (!value)
		return vsu_error_set(err, -EBADMSG,
				     "%s: the back-end says that it has no %s",
				     name, what);
	*limit = value < most ? (uint32_t)value : most;
	return 0;
}

static int accept_queue_num(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	(void)p;
	return accept_limit(msg, "GET_QUEUE_NUM", "queues", FE_MAX_RINGS,
			  &f->queue_num, err);
}

static int accept_max_slots(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	(void)p;
	return accept_limit(msg, "GET_MAX_MEM_SLOTS", "memory slots",
			  FE_MAX_SLOTS, &f->max_slots, err);
}

/* A device takes features back by clearing FEATURES_OK (VIRTIO 1.3, 3.1.1). */
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

static int bad_base(const struct fe_pending *p, uint32_t base, uint32_t limit,
		    struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG,
			     "GET_VRING_BASE of ring %u: base %#x lies beyond the ring of %u",
			     p->ring, base,
			     limit);
}

/* Split: a free running 16-bit index. Packed: two ring positions. */
static int accept_base(struct vhost_user_frontend *f, const struct fe_pending *p,
		     const struct vhost_user_priv_msg *msg,
		     struct vsu_error *err)
{
	bool packed = f->acked & VHOST_USER_F_RING_PACKED;
	struct fe_ring *ring = &f->rings[p->ring];
	uint32_t base = msg->payload.state.num;

	if (msg->payload.state.index != p->ring)
		return vsu_error_set(err, -EBADMSG,
				     "GET_VRING_BASE of ring %u: the answer is about ring %u",
				     p->ring, msg->payload.state.index);
	if (packed ? (base & 0x7fff) >= ring->desc.size ||
		     (base >> 16 & 0x7fff) >= ring->desc.size :
		     base > UINT16_MAX)
		return bad_base(p, base, ring->desc.size, err);
	if (packed && !f->parking)
		base = vhost_user_priv_packed_base(base);
	ring->desc.base = base;
	ring->started = false;
	f->bases[p->ring] = base;
	return 0;
}

/*
 * Any answer that is not what was asked for is a refusal and no more: back-ends
 * encode one in several ways.
 */
static int accept_config(struct vhost_user_frontend *f,
		       const struct fe_pending *p,
		       const struct vhost_user_priv_msg *msg,
		       struct vsu_error *err)
{
	const struct vhost_user_config *c = &msg->payload.config;
	bool whole = msg->hdr.size == sizeof(*c) + p->len &&
		     c->offset == p->off && c->size == p->len;

	(void)err;
	if (f->ops.config)
		f->ops.config(f->opaque, p->off,
			      whole ? msg->payload.bytes + sizeof(*c) : NULL,
			      whole ? p->len : 0);
	return 0;
}

static int accept_shmem(struct vhost_user_frontend *f, const struct fe_pending *p,
		      const struct vhost_user_priv_msg *msg,
		      struct vsu_error *err)
{
	(void)p;
	return vhost_user_priv_fe_accept_shmem(f, msg, err);
}

static int accept_inflight(struct vhost_user_frontend *f,
			   const struct fe_pending *p,
			   const struct vhost_user_priv_msg *msg,
			   struct vsu_error *err)
{
	(void)p;
	return vhost_user_priv_fe_accept_inflight(f, msg, err);
}

static int accept_device(struct vhost_user_frontend *f,
			 const struct fe_pending *p,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	return vhost_user_priv_fe_tell_device(f, p->request, msg, err);
}

static int accept_placed(struct vhost_user_frontend *f,
			 const struct fe_pending *p,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	return p->placing ? vhost_user_priv_fe_accept_placed(f, msg, err) : 0;
}

static int accept_postcopy(struct vhost_user_frontend *f,
			   const struct fe_pending *p,
			   const struct vhost_user_priv_msg *msg,
			   struct vsu_error *err)
{
	(void)err;
	vhost_user_priv_fe_tell_postcopy(f, p->request, msg);
	return 0;
}

static const fe_accept_fn acceptors[] = {
	[VHOST_USER_GET_FEATURES] = accept_features,
	[VHOST_USER_GET_PROTOCOL_FEATURES] = accept_protocol_features,
	[VHOST_USER_GET_QUEUE_NUM] = accept_queue_num,
	[VHOST_USER_GET_MAX_MEM_SLOTS] = accept_max_slots,
	[VHOST_USER_GET_STATUS] = accept_status,
	[VHOST_USER_SET_MEM_TABLE] = accept_placed,
	[VHOST_USER_POSTCOPY_ADVISE] = accept_postcopy,
	[VHOST_USER_POSTCOPY_LISTEN] = accept_postcopy,
	[VHOST_USER_POSTCOPY_END] = accept_postcopy,
	[VHOST_USER_GET_VRING_BASE] = accept_base,
	[VHOST_USER_GET_VRING_BASE_SKIP_DRAIN] = accept_base,
	[VHOST_USER_GET_CONFIG] = accept_config,
	[VHOST_USER_CREATE_CRYPTO_SESSION] = accept_device,
	[VHOST_USER_GET_INFLIGHT_FD] = accept_inflight,
	[VHOST_USER_GET_SHARED_OBJECT] = accept_device,
	[VHOST_USER_IOTLB_MSG] = accept_device,
	[VHOST_USER_SET_DEVICE_STATE_FD] = accept_device,
	[VHOST_USER_CHECK_DEVICE_STATE] = accept_device,
	[VHOST_USER_GET_SHMEM_CONFIG] = accept_shmem,
};

static struct fe_pending pop_pending(struct vhost_user_frontend *f)
{
	struct fe_pending p = f->pending[f->pending_first];

	f->pending_first = (f->pending_first + 1) % FE_PENDING;
	f->npending--;
	f->seq_pending -= p.in_sequence;
	if (!f->npending)
		f->waiting_since = 0;
	return p;
}

/* The header answers that request. */
static int check_header(const struct fe_pending *p,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	char name[64];

	if (msg->hdr.request == p->request && msg->hdr.flags == ALL_OF_REPLY)
		return 0;
	vhost_user_priv_fe_name(p, name, sizeof(name));
	if (msg->hdr.request != p->request)
		return vsu_error_set(err, -EBADMSG,
				     "the answer to %s carries the number of %s (%u)",
				     name,
				     vhost_user_priv_message_name(
					VHOST_USER_PRIV_FRONTEND,
					msg->hdr.request), msg->hdr.request);
	return vsu_error_set(err, -EBADMSG,
			     "the answer to %s has the flags %#x instead of %#x",
			     name, msg->hdr.flags, ALL_OF_REPLY);
}

/* The rest of it is as the message table says. */
static int check_body(const struct vhost_user_priv_message *row,
		      const struct vhost_user_priv_msg *msg,
		      struct vsu_error *err)
{
	unsigned int min, max;
	int rc;

	rc = vhost_user_priv_check_reply(row, msg, err);
	if (rc < 0 && row->number != VHOST_USER_GET_CONFIG)
		return rc;
	vhost_user_priv_reply_fds(row, msg, &min, &max);
	if (msg->nfds < min || msg->nfds > max)
		return vsu_error_set(err, -EBADMSG,
				     "the answer to %s brings %u descriptors",
				     row->name, msg->nfds);
	return 0;
}

static void note_refusal(struct vhost_user_frontend *f, const struct fe_pending *p,
		    const struct vhost_user_priv_msg *msg)
{
	const struct fe_sequence *seq = p->in_sequence ? f->seq : NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	char name[64];

	vhost_user_priv_fe_name(p, name, sizeof(name));
	vsu_error_set(&err, -EPROTO, "the back-end refused %s", name);
	vsu_error_operands(&err, p->request,
			   msg->hdr.size ? msg->payload.u64 : 0, 0);
	if (vhost_user_priv_fe_forgive_rom(f, p, &err))
		return;
	if (p->in_sequence && (!seq || !seq->refused)) {
		vhost_user_priv_fe_fail(f, &err);
		return;
	}
	if (seq)
		seq->refused(f, p, &err);
	else
		vhost_user_priv_fe_report(f, &err);
}

/* Who asked hears of a refusal by the answer, and not beside it. */
static bool hears_refusals(uint32_t request)
{
	return request == VHOST_USER_GET_CONFIG ||
	       request == VHOST_USER_CREATE_CRYPTO_SESSION ||
	       request == VHOST_USER_GET_SHARED_OBJECT ||
	       request == VHOST_USER_IOTLB_MSG ||
	       request == VHOST_USER_POSTCOPY_ADVISE ||
	       request == VHOST_USER_POSTCOPY_LISTEN ||
	       request == VHOST_USER_POSTCOPY_END ||
	       request == VHOST_USER_SET_DEVICE_STATE_FD ||
	       request == VHOST_USER_CHECK_DEVICE_STATE;
}

static int accept_answer(struct vhost_user_frontend *f, const struct fe_pending *p,
		const struct vhost_user_priv_message *row,
		const struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	fe_accept_fn fn = p->request < sizeof(acceptors) / sizeof(acceptors[0]) ?
			acceptors[p->request] : NULL;

	if (p->placing)
		f->postcopy.asked = false;
	if (!hears_refusals(row->number) &&
	    vhost_user_priv_is_refusal(row, msg)) {
		note_refusal(f, p, msg);
		return 0;
	}
	if (row->reply == VHOST_USER_PRIV_ACK)
		f->answered = *p;
	return fn ? fn(f, p, msg, err) : 0;
}

void vhost_user_priv_fe_answer(struct vhost_user_frontend *f,
			       struct vhost_user_priv_msg *msg)
{
	const struct vhost_user_priv_message *row;
	struct vsu_error err;
	struct fe_pending p;
	int rc;

	vhost_user_priv_no_error(&err);
	if (!f->npending) {
		vsu_error_set(&err, -EBADMSG,
			      "a reply that nobody asked for (number %u, %s)",
			      msg->hdr.request,
			      vhost_user_priv_message_name(
					VHOST_USER_PRIV_FRONTEND,
					msg->hdr.request));
		vhost_user_priv_fe_fail(f, &err);
		return;
	}
	p = pop_pending(f);
	row = p.placing ? &vhost_user_priv_postcopy_table :
			  vhost_user_priv_message(VHOST_USER_PRIV_FRONTEND,
						  p.request);
	rc = check_header(&p, msg, &err);
	if (!rc)
		rc = check_body(row, msg, &err);
	if (!rc)
		rc = accept_answer(f, &p, row, msg, &err);
	if (rc < 0)
		vhost_user_priv_fe_fail(f, &err);
	vhost_user_priv_msg_close_fds(msg);
}
