/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Passing messages on between two sockets, and the back-end channel. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "relay.h"

#define FRONTEND VHOST_USER_SIDE_FRONTEND
#define BACKEND VHOST_USER_SIDE_BACKEND
#define HEADER sizeof(struct vhost_user_header)
#define LANES 4

struct fds {
	unsigned int n;
	int fd[VSU_SOCK_MAX_FDS];
};

enum lane_state {
	LANE_CLOSED,	/* the back-end channel, before it exists */
	LANE_RECEIVE,
	LANE_SEND,
	LANE_END,	/* the sender closed, or the receiver is gone */
};

struct lane {
	enum lane_state state;
	enum vhost_user_side channel, from;
	int in, out;
	bool last;		/* the sender closed: only the bytes below follow */
	bool shown;		/* the message below was reported, or is none */
	uint32_t raw;		/* bytes of a long payload that are to follow */
	size_t have, want, sent;
	size_t cut;		/* late descriptors go with this byte */
	struct fds first, late;
	uint64_t time_ns;
	unsigned char bytes[HEADER + RELAY_MAX_PAYLOAD];
};

struct relay {
	struct lane lanes[LANES];	/* two of the main socket, two of the channel */
	int socks[VHOST_USER_SIDES];	/* main */
	int channel[VHOST_USER_SIDES];
	bool failed;
	struct vsu_closer *closer;
	const struct relay_ops *ops;
	void *opaque;
};

static void event(const struct relay *r, const struct lane *l, const char *text)
{
	r->ops->event(r->opaque, l->channel, l->from, text);
}

static void event_sys(const struct relay *r, const struct lane *l, int rc,
		      const char *what)
{
	struct vsu_error err;

	vsu_error_sys(&err, rc, "%s", what);
	event(r, l, err.msg);
}

static void fds_close(struct relay *r, struct fds *fds)
{
	unsigned int i;

	for (i = 0; i < fds->n; i++)
		vsu_foreign_close(r->closer, &fds->fd[i]);
	fds->n = 0;
}

static void fds_add(struct relay *r, const struct lane *l, struct fds *to,
		    struct fds *from)
{
	unsigned int i, n = VSU_SOCK_MAX_FDS - to->n;

	n = from->n < n ? from->n : n;
	for (i = 0; i < n; i++) {
		to->fd[to->n++] = from->fd[i];
		from->fd[i] = -1;
	}
	if (n < from->n)
		event(r, l, "more descriptors than one send can pass: the excess is closed");
	fds_close(r, from);
}

/* ------------------------------------------------------------------- a lane */

static void lane_open(struct lane *l, enum vhost_user_side channel,
		      enum vhost_user_side from, const int socks[])
{
	l->state = LANE_RECEIVE;
	l->channel = channel;
	l->from = from;
	l->in = socks[from];
	l->out = socks[!from];
	l->last = l->shown = false;
	l->raw = 0;
	l->have = l->sent = 0;
	l->want = HEADER;
}

/* The next message, or the next part of a long payload. */
static void lane_next(struct relay *r, struct lane *l)
{
	fds_close(r, &l->first);
	fds_close(r, &l->late);
	l->have = l->sent = 0;
	l->shown = l->raw > 0;
	l->want = l->raw ? sizeof(l->bytes) : HEADER;
	if (l->raw && l->raw < l->want)
		l->want = l->raw;
	l->state = LANE_RECEIVE;
	if (l->last) {
		shutdown(l->out, SHUT_WR);
		l->state = LANE_END;
	}
}

static void lane_end(struct relay *r, struct lane *l)
{
	fds_close(r, &l->first);
	fds_close(r, &l->late);
	if (l->state != LANE_CLOSED)
		l->state = LANE_END;
}

static struct vhost_user_header lane_header(const struct lane *l)
{
	struct vhost_user_header hdr;

	memcpy(&hdr, l->bytes, HEADER);
	return hdr;
}

static void lane_show(struct relay *r, struct lane *l)
{
	struct relay_message m = {
		.channel = l->channel, .from = l->from, .time_ns = l->time_ns,
		.hdr = lane_header(l), .payload = l->bytes + HEADER,
		.len = (uint32_t)(l->have - HEADER), .fds = l->first.fd,
		.nfds = l->first.n, .late_fds = l->late.n,
	};

	if (l->shown)
		return;
	l->shown = true;
	r->ops->message(r->opaque, &m);
}

static void lane_send(struct relay *r, struct lane *l)
{
	static const struct fds none;
	const struct fds *fds;
	struct iovec iov;
	ssize_t n = 0;

	l->state = LANE_SEND;
	while (l->sent < l->have) {
		fds = l->sent == 0 ? &l->first :
		      l->late.n && l->sent == l->cut ? &l->late : &none;
		iov.iov_base = l->bytes + l->sent;
		iov.iov_len = (l->late.n && l->sent < l->cut ? l->cut : l->have) -
			      l->sent;
		n = vsu_sock_send(l->out, &iov, 1, fds->fd, fds->n);
		if (n < 0)
			break;
		l->sent += (size_t)n;
	}
	lane_show(r, l);
	if (n >= 0) {
		lane_next(r, l);
	} else if (n == -ECONNRESET) {
		event(r, l, "not delivered: the receiver has closed");
		lane_end(r, l);
	} else if (n != -EAGAIN) {
		event_sys(r, l, (int)n, "cannot pass the message on");
		r->failed = true;
	}
}

/* ------------------------------------------------------ the back-end channel */

static void channel_close(struct relay *r)
{
	lane_end(r, &r->lanes[2]);
	lane_end(r, &r->lanes[3]);
	r->lanes[2].state = r->lanes[3].state = LANE_CLOSED;
	vsu_foreign_close(r->closer, &r->channel[FRONTEND]);
	vsu_fd_close(&r->channel[BACKEND]);
}

/*
 * Replaces the front-end's socket by one of a new pair. The previous channel has no
 * use to either side.
 */
static void channel_open(struct relay *r, struct lane *l)
{
	int pair[2], rc;

	if (vsu_sock_is_unix_stream(l->first.fd[0]) != 1) {
		event(r, l, "the descriptor is not a UNIX stream socket: the back-end channel is not traced");
		return;
	}
	rc = vsu_sock_pair(pair);
	if (rc < 0) {
		event_sys(r, l, rc, "the back-end channel is not traced");
		return;
	}
	channel_close(r);
	r->channel[FRONTEND] = l->first.fd[0];
	r->channel[BACKEND] = pair[0];
	l->first.fd[0] = pair[1];
	lane_open(&r->lanes[2], BACKEND, BACKEND, r->channel);
	lane_open(&r->lanes[3], BACKEND, FRONTEND, r->channel);
}

static bool opens_channel(const struct lane *l)
{
	const struct vhost_user_header hdr = lane_header(l);

	return l->channel == FRONTEND && l->from == FRONTEND &&
	       hdr.request == VHOST_USER_SET_BACKEND_REQ_FD && l->first.n > 0 &&
	       !(hdr.flags & VHOST_USER_HDR_REPLY);
}

/* ---------------------------------------------------------------- receiving */

/* The sender has closed, or died. An incomplete message passes as it is. */
static void lane_close(struct relay *r, struct lane *l)
{
	char text[80];

	l->last = true;
	if (l->have && !l->shown) {
		snprintf(text, sizeof(text),
			 "closed inside a message: %zu of %zu bytes", l->have,
			 l->want);
		event(r, l, text);
	} else if (l->raw) {
		event(r, l, "closed inside a long payload");
	}
	l->shown = true;
	l->raw = 0;
	lane_send(r, l);
}

/* A complete header determines how much follows. */
static void lane_measure(struct lane *l)
{
	const struct vhost_user_header hdr = lane_header(l);

	if (hdr.size <= RELAY_MAX_PAYLOAD)
		l->want = HEADER + hdr.size;
	else
		l->raw = hdr.size;
}

static void lane_complete(struct relay *r, struct lane *l)
{
	if (l->shown) {
		l->raw -= (uint32_t)l->have;
	} else {
		l->time_ns = vsu_now_ns();
		if (opens_channel(l))
			channel_open(r, l);
	}
	lane_send(r, l);
}

static void lane_keep_fds(struct relay *r, struct lane *l, struct fds *fds)
{
	if (!fds->n)
		return;
	if (l->have && !l->late.n)
		l->cut = l->have;
	fds_add(r, l, l->have ? &l->late : &l->first, fds);
}

/* Receives once; false: nothing more can be received. */
static bool lane_receive_part(struct relay *r, struct lane *l)
{
	struct iovec iov = { l->bytes + l->have, l->want - l->have };
	struct fds fds = { 0 };
	ssize_t n = vsu_sock_recv(l->in, &iov, 1, fds.fd, &fds.n);

	lane_keep_fds(r, l, &fds);
	if (n > 0) {
		l->have += (size_t)n;
		return true;
	}
	if (n == 0 || n == -ECONNRESET) {
		lane_close(r, l);
	} else if (n != -EAGAIN) {
		event_sys(r, l, (int)n, "cannot receive");
		r->failed = true;
	}
	return false;
}

/* Receives one message, or what there is of it, and passes it on. */
static void lane_receive(struct relay *r, struct lane *l)
{
	bool header = l->have < HEADER;

	while (lane_receive_part(r, l)) {
		if (l->shown) {
			lane_complete(r, l);	/* a long payload, in any parts */
			return;
		}
		if (header && l->have == HEADER) {
			lane_measure(l);
			header = false;
		}
		if (l->have == l->want) {
			lane_complete(r, l);
			return;
		}
	}
}

/* --------------------------------------------------------------------- loop */

static bool ended(const struct relay *r)
{
	return r->failed || (r->lanes[0].state == LANE_END &&
			     r->lanes[1].state == LANE_END);
}

static void lane_turn(struct relay *r, struct lane *l, short revents)
{
	if (!revents)
		return;
	if (l->state == LANE_RECEIVE)
		lane_receive(r, l);
	else if (l->state == LANE_SEND)
		lane_send(r, l);
	else if (l->state == LANE_END && l->channel == FRONTEND)
		r->failed = true;	/* both directions of this side are closed */
}

/* An ended lane waits for the other direction of its sender: a hang-up. */
static void lane_poll(const struct lane *l, struct pollfd *p)
{
	p->fd = l->state == LANE_CLOSED ? -1 :
		l->state == LANE_SEND ? l->out : l->in;
	p->events = l->state == LANE_RECEIVE ? POLLIN :
		    l->state == LANE_SEND ? POLLOUT : 0;
	p->revents = 0;
}

static void relay_loop(struct relay *r, int stop_fd)
{
	struct pollfd fds[LANES + 1] = { [LANES] = { stop_fd, POLLIN, 0 } };
	int i, rc;

	while (!fds[LANES].revents && !ended(r)) {
		for (i = 0; i < LANES; i++)
			lane_poll(&r->lanes[i], &fds[i]);
		r->ops->idle(r->opaque);
		rc = poll(fds, LANES + 1, -1);
		for (i = 0; rc > 0 && i < LANES; i++)
			lane_turn(r, &r->lanes[i], fds[i].revents);
		if (r->lanes[2].state == LANE_END || r->lanes[3].state == LANE_END)
			channel_close(r);
	}
}

void relay_run(const int socks[VHOST_USER_SIDES], struct vsu_closer *closer,
	       int stop_fd, const struct relay_ops *ops, void *opaque)
{
	struct relay r = {
		.socks = { socks[FRONTEND], socks[BACKEND] },
		.channel = { -1, -1 },
		.closer = closer, .ops = ops, .opaque = opaque,
	};

	lane_open(&r.lanes[0], FRONTEND, FRONTEND, r.socks);
	lane_open(&r.lanes[1], FRONTEND, BACKEND, r.socks);
	relay_loop(&r, stop_fd);
	lane_end(&r, &r.lanes[0]);
	lane_end(&r, &r.lanes[1]);
	channel_close(&r);
	vsu_fd_close(&r.socks[FRONTEND]);
	vsu_fd_close(&r.socks[BACKEND]);
}
