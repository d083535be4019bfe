/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends packets to the guest. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "vsock/priv.h"

/* Packets per turn; each may have 64 KiB. */
#define MAX_PACKETS 128u

/* Maximum pieces of a receive buffer. */
#define PIECES 64u

/* No packet was stored; reuse the buffer. */
#define UNUSED (-1)

static bool has_work(const struct vsock_bridge *b)
{
	return b->nreplies || b->line.next != &b->line;
}

/* ---------------------------------------------------------------- one packet */

static struct vsock_packet packet_of(struct vsock_conn *c, enum vsock_op op)
{
	c->told = c->forwarded;
	c->pending &= (uint8_t)~VSOCK_PEND_CREDIT_UPDATE;
	return (struct vsock_packet){
		.src_cid = VSOCK_HOST_CID, .dst_cid = c->bridge->cid,
		.src_port = c->host_port, .dst_port = c->guest_port,
		.type = c->type, .op = (uint16_t)op,
		.flags = op == VSOCK_OP_SHUTDOWN ? c->shut : 0,
		.buf_alloc = c->backlog.size, .fwd_cnt = c->forwarded,
	};
}

/* chain_fill() has checked for room. */
static int64_t header_store(struct vq_cursor *to, const struct vsock_packet *p)
{
	return virtdev_priv_vsock_packet_write(to, p) ? VSOCK_HEADER + p->len
						      : 0;
}

/*
 * Control packets, in order of priority. The host's end is detected by reading, so a
 * shutdown never precedes data. Credit updates come last, because data packets carry
 * credit as well.
 */
static const struct pending {
	uint8_t bit;
	uint8_t op;
} before_data[] = {
	{ VSOCK_PEND_RST, VSOCK_OP_RST },
	{ VSOCK_PEND_REQUEST, VSOCK_OP_REQUEST },
	{ VSOCK_PEND_RESPONSE, VSOCK_OP_RESPONSE },
	{ VSOCK_PEND_SHUTDOWN, VSOCK_OP_SHUTDOWN },
	{ VSOCK_PEND_CREDIT_REQUEST, VSOCK_OP_CREDIT_REQUEST },
	{ 0, 0 },
}, after_data[] = {
	{ VSOCK_PEND_CREDIT_UPDATE, VSOCK_OP_CREDIT_UPDATE },
	{ 0, 0 },
};

static const struct pending *conn_owes(const struct vsock_conn *c,
				       const struct pending *p)
{
	while (p->bit && !(c->pending & p->bit))
		p++;
	return p->bit ? p : NULL;
}

/* The guest has received the end. */
static void end_sent(struct vsock_conn *c, enum vsock_op op)
{
	if (op == VSOCK_OP_RST && c->state == VSOCK_LINGERING) {
		virtdev_priv_vsock_conn_unname(c);
	} else if (op == VSOCK_OP_RST) {
		virtdev_priv_vsock_conn_free(c);
	} else if (op == VSOCK_OP_SHUTDOWN && c->shut == VSOCK_SHUT_BOTH) {
		virtdev_priv_vsock_close(c);
		c->state = VSOCK_CLOSING;
		virtdev_priv_vsock_time_begin(c);
	}
}

static int64_t control_fill(struct vsock_conn *c, const struct pending *owed,
			    struct vq_cursor *to)
{
	const enum vsock_op op = owed->op;
	struct vsock_packet p;

	c->pending &= (uint8_t)~owed->bit;
	p = packet_of(c, op);
	end_sent(c, op);
	return header_store(to, &p);
}

/* The socket has no data now, or has ended. */
static void read_none(struct vsock_conn *c, ssize_t rc)
{
	c->readable = false;
	if (rc == 0)
		virtdev_priv_vsock_host_eof(c);
	else if (rc != -EAGAIN)
		virtdev_priv_vsock_abort(c);
}

/* Payload that fits the buffer after the header. */
static uint32_t data_room(const struct vsock_conn *c, struct vq_cursor *body)
{
	uint32_t len = virtdev_priv_vsock_credit(c);

	vq_cursor_skip(body, VSOCK_HEADER);
	if (len > VSOCK_MAX_PAYLOAD)
		len = VSOCK_MAX_PAYLOAD;
	return len < vq_cursor_left(body) ? len : vq_cursor_left(body);
}

static int64_t data_store(struct vsock_conn *c, struct vq_cursor *to,
			  uint32_t len, uint32_t flags)
{
	struct vsock_packet p = packet_of(c, VSOCK_OP_RW);

	c->sent += len;
	vsock_count(&c->bridge->bytes_to_guest, len);
	p.len = len;
	p.flags = flags;
	return header_store(to, &p);
}

/* Reads from the socket into the guest's buffer. */
static int64_t data_fill(struct vsock_conn *c, struct vq_cursor *to)
{
	struct vq_cursor body = *to;
	const uint32_t len = data_room(c, &body);
	ssize_t n;

	if (!len)
		return 0;
	n = vq_cursor_from_fd(&body, c->fd, -1, len);
	if (n <= 0) {
		read_none(c, n);
		return UNUSED;
	}
	/* a short read emptied the socket, unless its end follows */
	c->readable = (uint32_t)n == len || c->hung_up;
	return data_store(c, to, (uint32_t)n, 0);
}

/* ---------------------------------------------------------------- messages */

static uint32_t end_flags(bool record)
{
	return VSOCK_END_MESSAGE | (record ? VSOCK_END_RECORD : 0);
}

/* Sends the next part of a message larger than one buffer. */
static int64_t rest_fill(struct vsock_conn *c, struct vq_cursor *to,
			 struct vq_cursor *body, uint32_t room)
{
	struct vsock_rest *r = &c->rest;
	const uint32_t left = r->len - r->at;
	const uint32_t len = room < left ? room : left;
	uint32_t flags = 0;

	vq_cursor_write(body, r->bytes + r->at, len);
	r->at += len;
	if (len == left) {
		flags = end_flags(r->record);
		virtdev_priv_vsock_rest_drop(r);
	}
	return data_store(c, to, len, flags);
}

/*
 * A message that exceeds both the guest's and the connection's buffer resets the
 * connection: a part of it would be a different message.
 */
static bool is_too_long(const struct vsock_conn *c, size_t len)
{
	return len > c->bridge->buffer || len > c->peer_alloc;
}

static int64_t message_fill(struct vsock_conn *c, struct vq_cursor *to,
			    struct vq_cursor *body, uint32_t room)
{
	struct vsock_bridge *b = c->bridge;
	struct vq_cursor at = *body;
	struct iovec iov[PIECES + 1];
	uint32_t bytes, len;
	bool record;
	size_t all;
	int n = vq_cursor_iov(&at, room, iov, PIECES, &bytes), rc;

	iov[n] = (struct iovec){ b->spill, b->buffer };
	rc = virtdev_priv_vsock_message_receive(c->fd, iov, n + 1, &all,
						&record);
	if (rc <= 0) {
		read_none(c, rc);
		return UNUSED;
	}
	len = all < bytes ? (uint32_t)all : bytes;
	vq_chain_written(body->q, body->chain, VSOCK_HEADER, len);
	if (is_too_long(c, all)) {
		virtdev_priv_vsock_too_long(c);
		return UNUSED;
	}
	if (len == all)
		return data_store(c, to, len, end_flags(record));
	if (virtdev_priv_vsock_rest_keep(&c->rest, b->spill,
					 (uint32_t)all - len, record) < 0) {
		virtdev_priv_vsock_abort(c);
		return UNUSED;
	}
	return data_store(c, to, len, 0);
}

static int64_t messages_fill(struct vsock_conn *c, struct vq_cursor *to)
{
	struct vq_cursor body = *to;
	const uint32_t room = data_room(c, &body);

	if (!room)
		return 0;
	return c->rest.bytes ? rest_fill(c, to, &body, room)
			     : message_fill(c, to, &body, room);
}

static int64_t conn_fill(struct vsock_conn *c, struct vq_cursor *to)
{
	const struct pending *owed = conn_owes(c, before_data);

	if (owed)
		return control_fill(c, owed, to);
	if (virtdev_priv_vsock_reads(c) && virtdev_priv_vsock_credit(c))
		return c->type == VSOCK_STREAM ? data_fill(c, to)
					       : messages_fill(c, to);
	owed = conn_owes(c, after_data);
	return owed ? control_fill(c, owed, to) : UNUSED;
}

static int64_t reply_fill(struct vsock_bridge *b, struct vq_cursor *to)
{
	const struct vsock_reply *r = &b->replies[b->first_reply];
	const struct vsock_packet p = {
		.src_cid = r->cid, .dst_cid = b->cid,
		.src_port = r->host_port, .dst_port = r->guest_port,
		.type = r->type, .op = VSOCK_OP_RST,
	};

	b->first_reply = (b->first_reply + 1) % VSOCK_REPLIES;
	b->nreplies--;
	return header_store(to, &p);
}

/* Serves one packet of the first connection, then moves it to the tail. */
static int64_t line_fill(struct vsock_bridge *b, struct vq_cursor *to)
{
	struct vsock_conn *c = virtdev_priv_vsock_conn_at(b->line.next);
	int64_t n;

	virtdev_priv_vsock_link_remove(&c->in_line);
	n = conn_fill(c, to);
	if (c->state != VSOCK_FREE)
		virtdev_priv_vsock_line_up(c);
	return n;
}

/* ------------------------------------------------------------------- a turn */

/* Returns the used length, or UNUSED; 0 for a buffer without room for a header. */
static int64_t chain_fill(struct vsock_bridge *b, struct vq *q,
			  const struct vq_chain *chain)
{
	struct vq_cursor to;

	vq_writer_init(&to, q, chain);
	if (chain->fault.why || vq_cursor_left(&to) < VSOCK_HEADER)
		return 0;
	return b->nreplies ? reply_fill(b, &to) : line_fill(b, &to);
}

/* 1: the turn ends with work left; 0: nothing to send, or (starved) no buffer. */
static int fill_chains(struct vsock_bridge *b, struct vq *q, uint32_t *left)
{
	struct iovec pieces[PIECES];
	struct vq_chain chain = { .iov = pieces, .iov_max = PIECES };
	int64_t n;
	int rc;

	for (; *left; --*left) {
		if (!has_work(b))
			return 0;
		rc = vq_pop(q, &chain);
		b->starved = rc == 0;
		if (rc != 1)
			return rc;
		n = chain_fill(b, q, &chain);
		if (n == UNUSED)
			vq_unpop(q, &chain);
		else
			vq_push(q, &chain, (uint32_t)n);
	}
	return 1;
}

static void queue_publish(struct vsock_bridge *b, struct vq *q)
{
	if (vq_publish(q))
		virtdev_notify(b->dev, 0);
}

/* Enable kicks only if buffers are needed. */
static int fill_queue(struct vsock_bridge *b, struct vq *q)
{
	const bool was_broken = vq_broken(q);
	uint32_t left = MAX_PACKETS;
	int rc;

	do {
		vq_disable_notify(q);
		rc = fill_chains(b, q, &left);
		queue_publish(b, q);
	} while (rc == 0 && b->starved && vq_enable_notify(q));
	if (!was_broken && vq_broken(q))
		virtdev_queue_broken(b->dev, 0);
	return rc == -EAGAIN ? virtdev_queue_missed(b->dev, 0) : rc == 1;
}

int virtdev_priv_vsock_to_guest(struct vsock_bridge *b)
{
	int more;

	/* no data before the driver has received the transport reset */
	if (b->reset != VSOCK_RESET_NONE)
		return 0;
	b->starved = false;
	more = fill_queue(b, b->queues[0]);
	if (b->stalled && b->nreplies < VSOCK_REPLIES)
		vsu_event_signal_own(b->room);
	return more || vsock_clients_wait(b);
}
