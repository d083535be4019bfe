/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end channel: requests to the front-end. Nothing here blocks. A
 * device whose rings are all stopped is suspended and must not send requests. A
 * pending change of its configuration is sent when a ring starts.
 *
 * Replies arrive in the order of the requests and have no identifier. When the
 * rings stop, unanswered requests are cancelled towards the owner. They stay
 * queued, so that their late replies are matched correctly.
 *
 * An error on the channel closes only the channel; the device continues.
 */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include "backend/priv.h"
#include "wire/descriptor.h"

/*
 * Requests are few and small. If the peer does not read, further ones are
 * dropped.
 */
#define OUT_MAX 8192u

static int check_socket(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc = vhost_user_priv_check_socket(msg->fds[0], b->main.fd,
					      "SET_BACKEND_REQ_FD", err);

	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

/* unanswered requests */

static struct vhost_user_priv_asked *nth_asked(struct vhost_user_backend *b,
					       unsigned int n)
{
	return &b->asks.slots[(b->asks.first + n) % VHOST_USER_PRIV_MAX_ASKED];
}

void vhost_user_priv_owner_answered(struct vhost_user_backend *b,
				    uint64_t cookie, int result, int fd)
{
	b->ops.answered(b->opaque, cookie, result, fd);
}

/*
 * fd: the object that was looked up, whose ownership moves to the owner; or -1.
 */
static void report_result(struct vhost_user_backend *b,
			  const struct vhost_user_priv_asked *asked, int result,
			  int fd)
{
	if (asked->kind->answered)
		asked->kind->answered(b, asked->cookie, result, fd);
}

/* First sends deferred requests: nothing may be sent after the cancellation. */
void vhost_user_priv_backend_channel_cancel(struct vhost_user_backend *b)
{
	struct vhost_user_priv_asked *asked;
	unsigned int i;

	if (b->asks.channel_open)
		vhost_user_priv_channel_flush(&b->backend_channel, NULL);
	for (i = 0; i < b->asks.n; i++) {
		asked = nth_asked(b, i);
		if (asked->cancelled)
			continue;
		asked->cancelled = true;
		report_result(b, asked, -ECANCELED, -1);
	}
}

static void report_answer(struct vhost_user_backend *b, const char *name)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EREMOTEIO,
		      "the front-end refused %s; see its own log", name);
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			       &err);
}

/* Replies must match the oldest request; they carry no other identification. */
static int check_result(const struct vhost_user_backend *b,
			const struct vhost_user_priv_asked *asked,
			const struct vhost_user_message *row,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	unsigned int min = 0, max = 0;

	if (row)
		vhost_user_priv_reply_fds(row, msg, &min, &max);
	if (!b->asks.n || msg->hdr.request != asked->kind->request || msg->nfds > max)
		return vsu_error_set(err, -EBADMSG,
				     "unsolicited reply with number %u and %u descriptors",
				     msg->hdr.request, msg->nfds);
	return vhost_user_priv_check_reply(row, msg, err);
}

/*
 * Some front-ends report success for an object without sending its descriptor.
 */
static bool is_refused(const struct vhost_user_priv_msg *msg)
{
	return msg->payload.u64 ||
	       (msg->hdr.request == VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP &&
		!msg->nfds);
}

static int accept_result(struct vhost_user_backend *b,
			 struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	/* a copy: the callback may send further requests */
	const struct vhost_user_priv_asked asked = *nth_asked(b, 0);
	const struct vhost_user_message *row =
		vhost_user_message(VHOST_USER_SIDE_BACKEND,
					msg->hdr.request);
	int rc = check_result(b, &asked, row, msg, err);

	if (rc < 0)
		return rc;
	b->asks.first = (b->asks.first + 1) % VHOST_USER_PRIV_MAX_ASKED;
	b->asks.n--;
	b->asks.answered++;
	if (asked.cancelled)
		return 0;
	if (is_refused(msg)) {
		report_answer(b, row->name);
		report_result(b, &asked, -EREMOTEIO, -1);
	} else {
		report_result(b, &asked, 0, vhost_user_priv_msg_take_fd(msg, 0));
	}
	return 0;
}

/* the socket */

static bool is_hang_up(const struct vsu_error *err)
{
	return !err || err->code == -ECONNRESET;
}

void vhost_user_priv_backend_channel_close(struct vhost_user_backend *b,
					   struct vsu_error *err)
{
	if (!b->asks.channel_open)
		return;
	/* the peer may hold the same socket, so close() would not remove it */
	epoll_ctl(b->wait.epoll, EPOLL_CTL_DEL, b->backend_channel.fd, NULL);
	vhost_user_priv_channel_fini(&b->backend_channel);
	b->asks.channel_open = false;
	b->wait.channel_events = 0;
	vhost_user_priv_backend_channel_cancel(b);
	b->asks.first = b->asks.n = 0;
	if (is_hang_up(err))
		return;
	vsu_error_prefix(err, err->code,
			 "the back-end channel is closed; the device continues without it");
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			       err);
}

static int watch_channel(struct vhost_user_backend *b, int op, uint32_t events)
{
	struct epoll_event ev = {
		.events = events,
		.data.u32 = VHOST_USER_PRIV_WATCH_CHANNEL,
	};

	if (epoll_ctl(b->wait.epoll, op, b->backend_channel.fd, &ev) < 0)
		return -errno;
	b->wait.channel_events = events;
	return 0;
}

/* Watches for EPOLLOUT only while bytes are queued. */
static int flush_channel(struct vhost_user_backend *b, struct vsu_error *err)
{
	uint32_t events = EPOLLIN;
	int rc;

	rc = vhost_user_priv_channel_flush(&b->backend_channel, err);
	if (rc < 0)
		return rc;
	if (vhost_user_priv_channel_wants_write(&b->backend_channel))
		events |= EPOLLOUT;
	rc = events == b->wait.channel_events ? 0 :
	     watch_channel(b, EPOLL_CTL_MOD, events);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot wait for it") : 0;
}

/* One message reports all changes of the configuration so far. */
static int send_config_change(struct vhost_user_backend *b,
			      struct vsu_error *err)
{
	const struct vhost_user_priv_out change = {
		.request = VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
		.flags = VHOST_USER_HDR_VERSION,
	};
	int rc;

	if (!b->asks.config_pending || !vhost_user_priv_any_started(b) ||
	    vhost_user_priv_channel_wants_write(&b->backend_channel))
		return 0;
	b->asks.config_pending = false;
	rc = vhost_user_priv_channel_send(&b->backend_channel, &change, err);
	return rc < 0 ? rc : flush_channel(b, err);
}

void vhost_user_priv_backend_channel_pump(struct vhost_user_backend *b)
{
	struct vsu_error err;

	vhost_user_priv_no_error(&err);
	if (b->asks.channel_open && send_config_change(b, &err) < 0)
		vhost_user_priv_backend_channel_close(b, &err);
}

/* The loop is bounded by the number of unanswered requests. */
static int accept_results(struct vhost_user_backend *b, struct vsu_error *err)
{
	struct vhost_user_priv_msg *msg;
	int rc;

	do {
		rc = vhost_user_priv_channel_recv(&b->backend_channel, &msg,
						  err);
		if (rc > 0)
			rc = accept_result(b, msg, err) < 0 ? -EBADMSG : 1;
		/* the callback may have closed it */
	} while (rc > 0 && b->asks.channel_open);
	return rc < 0 || !b->asks.channel_open ? rc : flush_channel(b, err);
}

void vhost_user_priv_backend_channel_ready(struct vhost_user_backend *b)
{
	struct vsu_error err;

	vhost_user_priv_no_error(&err);
	if (b->asks.channel_open && accept_results(b, &err) < 0)
		vhost_user_priv_backend_channel_close(b, &err);
}

bool vhost_user_priv_backend_channel_answers(struct vhost_user_backend *b)
{
	const uint64_t before = b->asks.answered;
	struct vsu_error err;
	int rc = 0;

	vhost_user_priv_no_error(&err);
	if (b->asks.channel_open)
		rc = accept_results(b, &err);
	if (rc < 0 && !is_hang_up(&err))
		vhost_user_priv_backend_channel_close(b, &err);
	return rc >= 0 && b->asks.answered != before;
}

static int set_socket(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc;

	vhost_user_priv_backend_channel_close(b, NULL);
	rc = vhost_user_priv_channel_init_take_fd(&b->backend_channel,
						  msg->fds[0],
						  VHOST_USER_SIDE_BACKEND,
						  true, OUT_MAX, err);
	if (rc < 0)
		return rc;
	vhost_user_priv_msg_take_fd(msg, 0);
	vhost_user_priv_channel_set_closer(&b->backend_channel,
					   b->config.closer);
	b->asks.channel_open = true;
	rc = watch_channel(b, EPOLL_CTL_ADD, EPOLLIN);
	if (rc < 0) {
		vhost_user_priv_backend_channel_close(b, NULL);
		return vsu_error_sys(err, rc, "cannot wait for the back-end channel");
	}
	vhost_user_priv_backend_channel_pump(b);
	/* misses may have been waiting for a channel */
	__atomic_store_n(&b->mem.missed, b->mem.iotlb != NULL, __ATOMIC_RELAXED);
	return 0;
}

/* requests */

int vhost_user_priv_backend_channel_check(const struct vhost_user_backend *b,
					  const struct vhost_user_priv_ask *kind,
					  struct vsu_error *err)
{
	const struct vhost_user_message *row =
		vhost_user_message(VHOST_USER_SIDE_BACKEND, kind->request);
	uint64_t need = VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
			UINT64_C(1) << row->protocol_bit;

	if (row->fds != VHOST_USER_FDS_NONE)
		need |= VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD);
	if ((b->protocol_features & need) != need ||
	    (kind->answered == vhost_user_priv_owner_answered &&
	     !b->ops.answered))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s was not negotiated with the front-end",
				     row->name);
	if (!b->asks.channel_open)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s cannot be sent: the front-end provided no back-end channel, or closed it",
				     row->name);
	if (vhost_user_priv_is_ending(b) || !vhost_user_priv_any_started(b))
		return vsu_error_set(err, -EPROTO,
				     "%s can be sent only while a ring is started",
				     row->name);
	if (b->asks.n == VHOST_USER_PRIV_MAX_ASKED)
		return vsu_error_set(err, -EAGAIN,
				     "%u requests of this device are unanswered",
				     b->asks.n);
	return 0;
}

void vhost_user_priv_backend_channel_send_waiting(struct vhost_user_backend *b)
{
	struct vsu_error err;

	if (!b->asks.channel_open || b->wait.channel_events & EPOLLOUT ||
	    !vhost_user_priv_channel_wants_write(&b->backend_channel))
		return;
	vhost_user_priv_no_error(&err);
	if (flush_channel(b, &err) < 0)
		vhost_user_priv_backend_channel_close(b, &err);
}

int vhost_user_priv_backend_channel_ask(struct vhost_user_backend *b,
		const struct vhost_user_priv_ask *kind, const void *payload,
		size_t len, const int *fd, uint64_t cookie,
		struct vsu_error *err)
{
	const struct vhost_user_message *row =
		vhost_user_message(VHOST_USER_SIDE_BACKEND, kind->request);
	bool acks = vhost_user_priv_agreed(b, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	bool answered = acks || row->reply != VHOST_USER_REPLY_ACK;
	bool waits = kind->may_wait &&
		     (b->life == VHOST_USER_PRIV_DISPATCHES || b->asks.held);
	const struct vhost_user_priv_out out = {
		.request = kind->request,
		.flags = VHOST_USER_HDR_VERSION |
			 (acks ? VHOST_USER_HDR_NEED_REPLY : 0u),
		.head = payload, .head_len = len, .fds = fd, .nfds = fd != NULL,
	};
	struct vsu_error why = VSU_ERROR_INIT;
	int rc;

	rc = vhost_user_priv_channel_send(&b->backend_channel, &out, err);
	if (rc == -ENOSPC)
		return vsu_error_set(err, -EAGAIN,
				     "the front-end currently does not read requests");
	if (rc < 0)
		return rc;
	if (answered)
		*nth_asked(b, b->asks.n++) = (struct vhost_user_priv_asked){
			.cookie = cookie, .kind = kind
		};
	if (!waits && flush_channel(b, &why) < 0)
		vhost_user_priv_backend_channel_close(b, &why);
	return answered ? 0 : 1;
}

int vhost_user_backend_config_changed(struct vhost_user_backend *b)
{
	if (!vhost_user_priv_agreed(b, VHOST_USER_PROTOCOL_F_CONFIG) ||
	    !b->asks.channel_open)
		return -EOPNOTSUPP;
	b->asks.config_pending = true;
	vhost_user_priv_backend_channel_pump(b);
	return 0;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_SET_BACKEND_REQ_FD, VHOST_USER_PRIV_NO_RING,
	  VHOST_USER_PRIV_GO, check_socket, set_socket, NULL },
};

VHOST_USER_PRIV_HANDLERS(channel_handlers, handlers);
