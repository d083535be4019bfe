/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The host socket of a connection. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "vsock/priv.h"

#define PIECES 64
#define READ_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

static int watch_events(struct vsock_conn *c, int op, uint32_t events)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)(c - c->bridge->conns),
	};

	return epoll_ctl(c->bridge->epfd, op, c->fd, &event) < 0 ? -errno : 0;
}

int virtdev_priv_vsock_watch(struct vsock_conn *c)
{
	return watch_events(c, EPOLL_CTL_ADD, READ_EVENTS);
}

/* Watch EPOLLOUT only while the backlog is not empty. */
static void watch_room(struct vsock_conn *c, bool on)
{
	if (c->watches_room == on)
		return;
	if (watch_events(c, EPOLL_CTL_MOD,
			 on ? READ_EVENTS | EPOLLOUT : READ_EVENTS) < 0)
		virtdev_priv_vsock_abort(c);
	else
		c->watches_room = on;
}

/* Returns whether earlier data is still queued. */
static bool has_waiting(const struct vsock_conn *c)
{
	return c->type == VSOCK_STREAM ? c->backlog.len > 0
				       : c->messages.count > 0;
}

static bool is_hung_up(const struct vsock_conn *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

void virtdev_priv_vsock_host_eof(struct vsock_conn *c)
{
	c->host_eof = true;
	c->readable = false;
	virtdev_priv_vsock_shut(c, is_hung_up(c) ? VSOCK_SHUT_BOTH
						 : VSOCK_SHUT_SEND);
}

/* The host's reader is gone; data it sent before remains readable. */
static void go_deaf(struct vsock_conn *c)
{
	const uint32_t len = c->backlog.len;

	virtdev_priv_vsock_backlog_drop(&c->backlog);
	virtdev_priv_vsock_messages_drop(&c->messages);
	if (c->state == VSOCK_LINGERING) {
		virtdev_priv_vsock_abort(c);
		return;
	}
	c->host_deaf = true;
	virtdev_priv_vsock_shut(c, c->host_eof ? VSOCK_SHUT_BOTH
					       : VSOCK_SHUT_RECEIVE);
	virtdev_priv_vsock_forwarded(c, len);
}

/* All data of the guest was forwarded: apply a pending shutdown. */
static void backlog_sent(struct vsock_conn *c)
{
	watch_room(c, false);
	if (c->state == VSOCK_DEAD)
		return;
	if (c->state == VSOCK_LINGERING) {
		virtdev_priv_vsock_abort(c);
		return;
	}
	if (!(c->guest_shut & VSOCK_SHUT_SEND))
		return;
	shutdown(c->fd, SHUT_WR);
	if (c->host_eof)
		virtdev_priv_vsock_shut(c, VSOCK_SHUT_BOTH);
}

static void backlog_flush(struct vsock_conn *c)
{
	ssize_t n = 0;

	while (has_waiting(c)) {
		n = c->type == VSOCK_STREAM ?
		    virtdev_priv_vsock_backlog_send(&c->backlog, c->fd) :
		    virtdev_priv_vsock_messages_send(&c->messages, &c->backlog,
						     c->fd);
		if (n < 0)
			break;
		virtdev_priv_vsock_forwarded(c, (uint32_t)n);
		if (c->state == VSOCK_LINGERING)
			virtdev_priv_vsock_time_begin(c);
	}
	if (!has_waiting(c))
		backlog_sent(c);
	else if (n == -EMSGSIZE)
		virtdev_priv_vsock_too_long(c);
	else if (n != -EAGAIN)
		go_deaf(c);
}

/* Writes what the socket accepts; returns bytes, or a negative errno. */
static int64_t send_pieces(int fd, struct vq_cursor *body, uint32_t len)
{
	struct iovec iov[PIECES];
	struct vq_cursor at;
	uint32_t bytes, done = 0;
	ssize_t rc;
	int n;

	while (done < len) {
		at = *body;
		n = vq_cursor_iov(&at, len - done, iov, PIECES, &bytes);
		rc = n ? virtdev_priv_vsock_send(fd, iov, n) : -EAGAIN;
		if (rc < 0)
			return done || rc == -EAGAIN ? (int64_t)done : rc;
		done += (uint32_t)rc;
		vq_cursor_skip(body, (uint32_t)rc);
		if ((uint32_t)rc < bytes)
			break;
	}
	return done;
}

static void backlog_begin(struct vsock_conn *c, struct vq_cursor *body,
			  uint32_t len)
{
	if (virtdev_priv_vsock_backlog_add(&c->backlog, body, len) < 0)
		virtdev_priv_vsock_abort(c);
	else
		watch_room(c, true);
}

void virtdev_priv_vsock_take(struct vsock_conn *c, struct vq_cursor *body,
			     uint32_t len)
{
	int64_t n = 0;

	if (c->host_deaf) {
		virtdev_priv_vsock_forwarded(c, len);
		return;
	}
	if (!c->backlog.len)
		n = send_pieces(c->fd, body, len);
	if (n < 0) {
		go_deaf(c);
		virtdev_priv_vsock_forwarded(c, len);
		return;
	}
	virtdev_priv_vsock_forwarded(c, (uint32_t)n);
	if ((uint32_t)n < len)
		backlog_begin(c, body, len - (uint32_t)n);
}

/* Sends a message of a single packet directly; -EAGAIN if data is queued. */
static int64_t send_whole(const struct vsock_conn *c, struct vq_cursor *body,
			  uint32_t len, uint32_t flags)
{
	struct vq_cursor at = *body;
	struct iovec iov[PIECES];
	uint32_t bytes;
	int n;

	if (has_waiting(c) || c->messages.open || !(flags & VSOCK_END_MESSAGE))
		return -EAGAIN;
	n = vq_cursor_iov(&at, len, iov, PIECES, &bytes);
	if (bytes < len)
		return -EAGAIN;
	return virtdev_priv_vsock_message_send(c->fd, iov, n,
					       flags & VSOCK_END_RECORD);
}

/* Queues a part; the message must end within the buffer. */
static void message_add(struct vsock_conn *c, struct vq_cursor *body,
			uint32_t len, uint32_t flags)
{
	int rc = virtdev_priv_vsock_backlog_add(&c->backlog, body, len);

	c->messages.open += len;
	if (rc >= 0 && flags & VSOCK_END_MESSAGE)
		rc = virtdev_priv_vsock_messages_end(&c->messages,
						     c->backlog.size,
						     flags & VSOCK_END_RECORD);
	else if (rc >= 0 && c->messages.open == c->backlog.size)
		rc = -EMSGSIZE;
	if (rc == -EMSGSIZE)
		virtdev_priv_vsock_too_long(c);
	else if (rc < 0)
		virtdev_priv_vsock_abort(c);
	else if (c->messages.count == 1 && flags & VSOCK_END_MESSAGE)
		backlog_flush(c);
	else
		virtdev_priv_vsock_forwarded(c, 0);
	if (has_waiting(c))
		watch_room(c, true);
}

void virtdev_priv_vsock_take_message(struct vsock_conn *c,
				     struct vq_cursor *body, uint32_t len,
				     uint32_t flags)
{
	int64_t n = c->host_deaf ? (int64_t)len
				 : send_whole(c, body, len, flags);

	if (n == -EAGAIN) {
		message_add(c, body, len, flags);
		return;
	}
	if (n == -EMSGSIZE) {
		virtdev_priv_vsock_too_long(c);
		return;
	}
	if (n < 0)
		go_deaf(c);
	virtdev_priv_vsock_forwarded(c, len);
}

/* The guest closed: reset it now; the host receives the end after the backlog. */
static void guest_done(struct vsock_conn *c)
{
	if (!has_waiting(c)) {
		virtdev_priv_vsock_abort(c);
		return;
	}
	c->state = VSOCK_LINGERING;
	c->pending = 0;
	virtdev_priv_vsock_time_begin(c);
	virtdev_priv_vsock_want(c, VSOCK_PEND_RST);
}

void virtdev_priv_vsock_guest_shut(struct vsock_conn *c, unsigned int flags)
{
	const unsigned int fresh = flags & ~c->guest_shut & VSOCK_SHUT_BOTH;

	c->guest_shut |= (uint8_t)fresh;
	if (c->guest_shut == VSOCK_SHUT_BOTH) {
		guest_done(c);
		return;
	}
	if (fresh & VSOCK_SHUT_RECEIVE)
		shutdown(c->fd, SHUT_RD);
	if (fresh & VSOCK_SHUT_SEND && !has_waiting(c))
		backlog_sent(c);
}

/* A client without room for this line is rejected. */
void virtdev_priv_vsock_answered(struct vsock_conn *c)
{
	char line[24];
	int len = snprintf(line, sizeof(line), "OK %" PRIu32 "\n",
			   c->host_port);
	struct iovec iov = { line, (size_t)len };

	virtdev_priv_vsock_time_end(c);
	if (virtdev_priv_vsock_send(c->fd, &iov, 1) != len) {
		virtdev_priv_vsock_abort(c);
		return;
	}
	c->state = VSOCK_OPEN;
	c->readable = true;
	virtdev_priv_vsock_line_up(c);
}

/* Handles an event of an open connection; reading yields the exact state. */
static void open_event(struct vsock_conn *c, uint32_t events)
{
	if (events & EPOLLHUP && (c->host_eof ||
				  c->guest_shut & VSOCK_SHUT_RECEIVE))
		virtdev_priv_vsock_shut(c, VSOCK_SHUT_BOTH);
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->readable = true;
	virtdev_priv_vsock_line_up(c);
}

void virtdev_priv_vsock_socket_event(struct vsock_conn *c, uint32_t events)
{
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->hung_up = true;
	if (has_waiting(c) && events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		backlog_flush(c);
	if (c->state == VSOCK_REQUESTED && events & (EPOLLHUP | EPOLLERR))
		virtdev_priv_vsock_abort(c);
	else if (c->state == VSOCK_OPEN)
		open_event(c, events);
}
