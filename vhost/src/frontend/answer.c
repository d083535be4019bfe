/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks the back-end's replies. A reply belongs to the oldest unanswered
 * request. Any mismatch ends the session: the following replies could not be
 * assigned.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "frontend/priv.h"

#define ALL_OF_REPLY	(VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY)

static struct fe_pending pop_pending(struct vhost_user_frontend *f)
{
	struct fe_pending p = f->replies.pending[f->replies.first];

	f->replies.first = (f->replies.first + 1) % FE_PENDING;
	f->replies.n--;
	f->progress.pending -= p.in_sequence;
	if (!f->replies.n)
		f->replies.waiting_since = 0;
	return p;
}

/* Checks that the header replies to that request. */
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
				     "the reply to %s has the number of %s (%u)",
				     name,
				     vhost_user_message_name(
					VHOST_USER_SIDE_FRONTEND,
					msg->hdr.request), msg->hdr.request);
	return vsu_error_set(err, -EBADMSG,
			     "the reply to %s has the flags %#x instead of %#x",
			     name, msg->hdr.flags, ALL_OF_REPLY);
}

/* Checks the rest against the message table. */
static int check_body(const struct vhost_user_message *row,
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
				     "the reply to %s has %u descriptors",
				     row->name, msg->nfds);
	return 0;
}

static void note_refusal(struct vhost_user_frontend *f, const struct fe_pending *p,
		    const struct vhost_user_priv_msg *msg)
{
	const struct fe_sequence *seq = p->in_sequence ? f->progress.seq : NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	char name[64];

	vhost_user_priv_fe_name(p, name, sizeof(name));
	vsu_error_set(&err, -EPROTO, "the back-end refused %s", name);
	vsu_error_operands(&err, p->request,
			   msg->hdr.size ? msg->payload.u64 : 0, 0);
	if (vhost_user_priv_fe_accept_rom_refusal(f, p, &err))
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

static int accept_answer(struct vhost_user_frontend *f, const struct fe_pending *p,
		const struct vhost_user_message *row,
		const struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct fe_handler *h =
		f->handlers[VHOST_USER_SIDE_FRONTEND][p->request];

	if (p->placing)
		f->postcopy.asked = false;
	if (!(h && h->reports) && vhost_user_priv_is_refusal(row, msg)) {
		note_refusal(f, p, msg);
		return 0;
	}
	if (row->reply == VHOST_USER_REPLY_ACK)
		f->replies.answered = *p;
	return h && h->accept ? h->accept(f, p, msg, err) : 0;
}

void vhost_user_priv_fe_answer(struct vhost_user_frontend *f,
			       struct vhost_user_priv_msg *msg)
{
	const struct vhost_user_message *row;
	struct vsu_error err;
	struct fe_pending p;
	int rc;

	vhost_user_priv_no_error(&err);
	if (!f->replies.n) {
		vsu_error_set(&err, -EBADMSG,
			      "unsolicited reply (number %u, %s)",
			      msg->hdr.request,
			      vhost_user_message_name(
					VHOST_USER_SIDE_FRONTEND,
					msg->hdr.request));
		vhost_user_priv_fe_fail(f, &err);
		return;
	}
	p = pop_pending(f);
	row = p.placing ? &vhost_user_priv_postcopy_table :
			  vhost_user_message(VHOST_USER_SIDE_FRONTEND,
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
