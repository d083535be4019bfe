/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends requests and replies, records due replies, and fails the session. */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "frontend/priv.h"
#include <vmm-sys-util/event.h>

void vhost_user_priv_fe_fail(struct vhost_user_frontend *f,
			     const struct vsu_error *err)
{
	if (f->failure.failed)
		return;
	f->failure.failed = true;
	f->failure.reason = *err;
	vsu_error_prefix(&f->failure.reason, err->code, "'%s'", f->peer);
}

void vhost_user_priv_fe_report(struct vhost_user_frontend *f,
			       struct vsu_error *err)
{
	vsu_error_prefix(err, err->code, "'%s'", f->peer);
	if (f->ops.refused)
		f->ops.refused(f->opaque, err);
}

static void note_pending(struct vhost_user_frontend *f,
			 const struct fe_pending *p)
{
	unsigned int at = (f->replies.first + f->replies.n) % FE_PENDING;

	if (!f->replies.n++)
		f->replies.waiting_since = vsu_now_ns();
	f->replies.pending[at] = *p;
	f->progress.pending += p->in_sequence;
}

/*
 * Requests acknowledgements wherever possible, so that an error can be assigned
 * to its request.
 */
int vhost_user_priv_fe_request(struct vhost_user_frontend *f,
			       const struct fe_request *r,
			       struct vsu_error *err)
{
	const struct vhost_user_message *row =
		vhost_user_message(VHOST_USER_SIDE_FRONTEND, r->number);
	bool ack = row->reply == VHOST_USER_REPLY_ACK && !r->note.placing;
	struct vhost_user_priv_out out = {
		.request = r->number, .flags = VHOST_USER_HDR_VERSION,
		.head = r->head, .head_len = r->head_len,
		.tail = r->tail, .tail_len = r->tail_len,
		.fds = r->fds, .nfds = r->nfds,
	};
	struct fe_pending p = r->note;
	int rc;

	if (f->failure.failed)
		return vsu_error_set(err, -ECONNRESET,
				     "%s: the session with '%s' is dead",
				     row->name, f->peer);
	if (f->replies.n >= (p.in_sequence ? FE_WINDOW : FE_PENDING))
		return vsu_error_set(err, -EAGAIN,
				     "%s: %u requests already wait for replies; dispatch first",
				     row->name, f->replies.n);
	if (ack && f->acks && !r->unanswered)
		out.flags |= VHOST_USER_HDR_NEED_REPLY;
	rc = vhost_user_priv_channel_send(&f->main, &out, err);
	if (!rc && r->nfds && !r->lasting)
		rc = vhost_user_priv_channel_release(&f->main, err);
	if (rc < 0)
		return rc;
	p.request = (uint8_t)r->number;
	if (!r->unanswered && (!ack || f->acks))
		note_pending(f, &p);
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

int vhost_user_priv_fe_barrier(struct vhost_user_frontend *f,
			       unsigned int item, struct vsu_error *err)
{
	(void)item;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_FEATURES, err);
}

int vhost_user_priv_fe_backend_channel_reply(struct vhost_user_frontend *f,
				     uint32_t request, int result, int fd,
				     struct vsu_error *err)
{
	const uint64_t value = result < 0 ? 1 : 0;
	const struct vhost_user_priv_out reply = {
		.request = request,
		.flags = VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY,
		.head = &value, .head_len = sizeof(value),
		.fds = &fd, .nfds = fd >= 0,
	};

	return vhost_user_priv_channel_send(&f->backend_channel, &reply, err);
}

const char *vhost_user_priv_fe_name(const struct fe_pending *p, char *buf,
				    size_t size)
{
	const char *name = vhost_user_message_name(VHOST_USER_SIDE_FRONTEND,
							p->request);

	if (p->ring == FE_NO_ITEM)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s of ring %u", name, p->ring);
	return buf;
}
