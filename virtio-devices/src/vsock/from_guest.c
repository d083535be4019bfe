/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handles packets from the guest. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "vsock/priv.h"

#define MAX_PACKETS 256u	/* per turn */

static void reply_reset(struct vsock_bridge *b, const struct vsock_packet *p)
{
	const uint32_t at = (b->first_reply + b->nreplies) % VSOCK_REPLIES;

	/* turn_packets() checks for room */
	if (p->op == VSOCK_OP_RST || b->nreplies == VSOCK_REPLIES)
		return;
	b->replies[at] = (struct vsock_reply){
		.cid = p->dst_cid, .guest_port = p->src_port,
		.host_port = p->dst_port, .type = p->type,
	};
	b->nreplies++;
	vsock_count(&b->refused, 1);
}

/* ----------------------------------------------------------------- operations */

static void on_again(struct vsock_conn *c, const struct vsock_packet *p,
		     struct vq_cursor *body)
{
	(void)p;
	(void)body;
	virtdev_priv_vsock_abort(c);
}

static void on_response(struct vsock_conn *c, const struct vsock_packet *p,
			struct vq_cursor *body)
{
	(void)p;
	(void)body;
	virtdev_priv_vsock_answered(c);
}

static void on_rst(struct vsock_conn *c, const struct vsock_packet *p,
		   struct vq_cursor *body)
{
	(void)p;
	(void)body;
	virtdev_priv_vsock_conn_free(c);
}

static void on_shutdown(struct vsock_conn *c, const struct vsock_packet *p,
			struct vq_cursor *body)
{
	(void)body;
	virtdev_priv_vsock_guest_shut(c, p->flags);
}

static void on_rw(struct vsock_conn *c, const struct vsock_packet *p,
		  struct vq_cursor *body)
{
	if (c->type == VSOCK_SEQPACKET &&
	    p->len > c->backlog.size - c->messages.open) {
		virtdev_priv_vsock_too_long(c);
		return;
	}
	if (c->guest_shut & VSOCK_SHUT_SEND ||
	    p->len > c->backlog.size - (c->received - c->forwarded)) {
		virtdev_priv_vsock_abort(c);
		return;
	}
	c->received += p->len;
	vsock_count(&c->bridge->bytes_from_guest, p->len);
	if (c->type == VSOCK_STREAM)
		virtdev_priv_vsock_take(c, body, p->len);
	else
		virtdev_priv_vsock_take_message(c, body, p->len, p->flags);
}

/* Every packet's header carries credit. */
static void on_credit_update(struct vsock_conn *c, const struct vsock_packet *p,
			     struct vq_cursor *body)
{
	(void)c;
	(void)p;
	(void)body;
}

static void on_credit_request(struct vsock_conn *c,
			      const struct vsock_packet *p,
			      struct vq_cursor *body)
{
	(void)p;
	(void)body;
	virtdev_priv_vsock_want(c, VSOCK_PEND_CREDIT_UPDATE);
}

#define IN(state) (1u << (state))
/* States in which the guest has received a reset, or is about to. */
#define ENDED (IN(VSOCK_CLOSING) | IN(VSOCK_LINGERING) | IN(VSOCK_DEAD))

/*
 * An operation is carried out in the given states and ignored in the states of
 * ENDED. In other states it resets the connection.
 */
static const struct operation {
	void (*fn)(struct vsock_conn *c, const struct vsock_packet *p,
		   struct vq_cursor *body);
	unsigned int states;
} operations[VSOCK_NOPS] = {
	[VSOCK_OP_INVALID] = { on_again, 0 },
	[VSOCK_OP_REQUEST] = { on_again, IN(VSOCK_CLOSING) },
	[VSOCK_OP_RESPONSE] = { on_response, IN(VSOCK_REQUESTED) },
	[VSOCK_OP_RST] = { on_rst, IN(VSOCK_REQUESTED) | IN(VSOCK_OPEN) |
				   IN(VSOCK_CLOSING) | IN(VSOCK_DEAD) },
	[VSOCK_OP_SHUTDOWN] = { on_shutdown, IN(VSOCK_OPEN) },
	[VSOCK_OP_RW] = { on_rw, IN(VSOCK_OPEN) },
	[VSOCK_OP_CREDIT_UPDATE] = { on_credit_update, IN(VSOCK_OPEN) },
	[VSOCK_OP_CREDIT_REQUEST] = { on_credit_request, IN(VSOCK_OPEN) },
};

/*
 * Updates the guest's credit. Packets of two guest threads may be reordered, so an
 * older count is legal; a count of more bytes than were sent is not.
 */
static bool credit_update(struct vsock_conn *c, const struct vsock_packet *p)
{
	if ((int32_t)(c->sent - p->fwd_cnt) < 0)
		return false;
	if ((int32_t)(p->fwd_cnt - c->peer_forwarded) > 0)
		c->peer_forwarded = p->fwd_cnt;
	c->peer_alloc = p->buf_alloc;
	if (virtdev_priv_vsock_credit(c))
		c->asked = false;
	return true;
}

static void conn_packet(struct vsock_conn *c, const struct vsock_packet *p,
			struct vq_cursor *body)
{
	const struct operation *op = &operations[p->op < VSOCK_NOPS ? p->op : 0];

	if (!(op->states & IN(c->state))) {
		if (!(IN(c->state) & ENDED))
			virtdev_priv_vsock_abort(c);
		return;
	}
	if (p->op != VSOCK_OP_RST && !credit_update(c, p)) {
		virtdev_priv_vsock_abort(c);
		return;
	}
	op->fn(c, p, body);
	/* continue with new credit; a freed connection is in no sending state */
	if (c->state == VSOCK_OPEN)
		virtdev_priv_vsock_line_up(c);
}

static void guest_connect(struct vsock_bridge *b, const struct vsock_packet *p)
{
	struct vsock_conn *c = virtdev_priv_vsock_connect(b, p->type,
							  p->src_port,
							  p->dst_port);

	if (!c) {
		reply_reset(b, p);
		return;
	}
	c->peer_alloc = p->buf_alloc;
	c->peer_forwarded = c->sent = 0;
	virtdev_priv_vsock_want(c, VSOCK_PEND_RESPONSE);
}

static bool knows_type(const struct vsock_bridge *b, uint16_t type)
{
	return type == VSOCK_STREAM || (type == VSOCK_SEQPACKET && b->messages);
}

/* Drops packets whose type differs from that of the connection, which remains open. */
static void packet_take(struct vsock_bridge *b, const struct vsock_packet *p,
			struct vq_cursor *body)
{
	struct vsock_conn *c;

	if (p->src_cid != b->cid)
		return;
	if (p->dst_cid != VSOCK_HOST_CID || !knows_type(b, p->type)) {
		reply_reset(b, p);
		return;
	}
	c = virtdev_priv_vsock_conn_find(b, p->src_port, p->dst_port);
	if (c && c->type != p->type)
		reply_reset(b, p);
	else if (c && (p->len > VSOCK_MAX_PAYLOAD || p->len > vq_cursor_left(body)))
		virtdev_priv_vsock_abort(c);
	else if (c)
		conn_packet(c, p, body);
	else if (p->op == VSOCK_OP_REQUEST)
		guest_connect(b, p);
	else
		reply_reset(b, p);
}

static uint32_t chain_take(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct vsock_bridge *b = opaque;
	struct vsock_packet p;
	struct vq_cursor body;

	if (chain->fault.why)
		return 0;
	vq_reader_init(&body, q, chain);
	if (virtdev_priv_vsock_packet_read(&body, &p))
		packet_take(b, &p, &body);
	return 0;
}

/* Each packet may need a reply, so pop only while a reply fits. */
static int turn_packets(struct vsock_bridge *b, struct vq *q)
{
	const uint32_t room = VSOCK_REPLIES - b->nreplies;
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = chain_take, .opaque = b,
		.max_chains = room < MAX_PACKETS ? room : MAX_PACKETS,
	};

	b->stalled = !room;
	return room ? virtdev_queue_turn(b->dev, 1, q, &turn) : 0;
}

int virtdev_priv_vsock_from_guest(struct vsock_bridge *b)
{
	int more;

	if (b->stalled)
		vsu_event_drain(b->room, NULL);
	more = turn_packets(b, b->queues[1]);
	if ((!b->starved && (b->nreplies || b->line.next != &b->line)) ||
	    vsock_clients_wait(b))
		vsu_event_signal_own(b->wake);
	return more;
}
