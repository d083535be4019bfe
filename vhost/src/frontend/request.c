/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends the front-end's requests and notes the answers they will have. */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "frontend/frontend_priv.h"
#include <vmm-sys-util/event.h>

static void note(struct vhost_user_frontend *f, const struct fe_pending *p)
{
	unsigned int at = (f->pending_first + f->npending) % FE_PENDING;

	if (!f->npending++)
		f->waiting_since = vsu_now_ns();
	f->pending[at] = *p;
	f->seq_pending += p->in_sequence;
}

/*
 * Acknowledgements are asked for wherever they may be: an error is then
 * known by the request that caused it.
 */
int vhost_user_priv_fe_request(struct vhost_user_frontend *f,
			       const struct fe_request *r,
			       struct vsu_error *err)
{
	const struct vhost_user_priv_message *row =
		vhost_user_priv_message(VHOST_USER_PRIV_FRONTEND, r->number);
	bool ack = row->reply == VHOST_USER_PRIV_ACK;
	uint32_t flags = VHOST_USER_HDR_VERSION;
	struct fe_pending p = r->note;
	int rc;

	if (f->doomed)
		return vsu_error_set(err, -ECONNRESET, "%s: the session with "
				     "'%s' is dead", row->name, f->peer);
	if (f->npending >= (p.in_sequence ? FE_WINDOW : FE_PENDING))
		return vsu_error_set(err, -EAGAIN, "%s: %u requests wait for "
				     "their answers already; dispatch first",
				     row->name, f->npending);
	if (ack && f->acks)
		flags |= VHOST_USER_HDR_NEED_REPLY;
	rc = vhost_user_priv_channel_send(&f->main, r->number, flags,
					  r->head, r->head_len,
					  r->tail, r->tail_len,
					  r->fds, r->nfds, err);
	if (rc < 0)
		return rc;
	p.request = (uint8_t)r->number;
	if (!ack || f->acks)
		note(f, &p);
	return 0;
}

int vhost_user_priv_fe_ask(struct vhost_user_frontend *f, uint32_t number,
			   struct vsu_error *err)
{
	const struct fe_request r = {
		.number = number,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

int vhost_user_priv_fe_tell(struct vhost_user_frontend *f, uint32_t number,
			    uint64_t value, struct vsu_error *err)
{
	const struct fe_request r = {
		.number = number,
		.head = &value,
		.head_len = sizeof(value),
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

const char *vhost_user_priv_fe_name(const struct fe_pending *p, char *buf,
				    size_t size)
{
	const char *name = vhost_user_priv_message_name(VHOST_USER_PRIV_FRONTEND,
							p->request);

	if (p->ring == FE_NO_ITEM)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s of ring %u", name, p->ring);
	return buf;
}
