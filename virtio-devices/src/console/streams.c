/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Data of a port: from the host stream to the guest and back. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "console/priv.h"

/* Bytes of one transfer; bounds files that never return -EAGAIN. */
#define MAX_TRANSFER (256u * 1024)
/* Pieces of one transfer. */
#define MAX_PIECES 64

/*
 * Maximum bytes that a port with a record transfers in a turn, because the record can be
 * much slower than the host stream.
 */
#define MAX_RECORDED (64u * 1024)

/* Drivers busy-wait for a console, so the wait for the host is limited. */
#define HOST_TIMEOUT_NS UINT64_C(1000000000)

static uint32_t id_of(const struct console *c, const struct port *p)
{
	return (uint32_t)(p - c->ports);
}

static void wake_both(struct console *c, const struct port *p)
{
	const uint32_t rx = console_rx_of(id_of(c, p));

	virtdev_priv_channel_wake(c, rx);
	virtdev_priv_channel_wake(c, rx + 1);
}

/* Accept the next peer only after the driver has received the change. */
/* Detects that a host peer connected or disconnected. */
static void port_recheck(struct console *c, struct port *p)
{
	bool open;

	if (!p->recheck)
		return;
	p->recheck = false;
	open = virtdev_priv_port_is_open(p->host);
	if (open == p->host_open)
		return;
	p->host_open = open;
	p->in_ready = true;
	p->output = OUTPUT_FLOWS;
	virtdev_priv_control_post(c, p, EVENT_PORT_OPEN);
	wake_both(c, p);
}

/* ---------------------------------------------------------------- to a guest */

/* Reads from the host directly into the guest's buffer. */
static enum verdict chain_fill(struct turn *t, struct vq *q,
			       struct vq_chain *chain, uint32_t *used)
{
	struct port *p = t->port;
	struct iovec iov[MAX_PIECES];
	struct vq_cursor writer;
	uint32_t bytes;
	ssize_t n;
	int pieces;

	if (chain->fault.why || !chain->writable_len)
		return TURN_DONE;
	vq_writer_init(&writer, q, chain);
	pieces = vq_cursor_iov(&writer, MAX_TRANSFER, iov, MAX_PIECES, &bytes);
	n = virtdev_priv_port_take(p->host, iov, pieces);
	if (n <= 0) {
		p->in_ready = false;
		p->recheck = n == -ENOTCONN;
		return TURN_WAIT;
	}
	p->recheck = true;	/* the stream may have reached its end */
	*used = (uint32_t)n < bytes ? (uint32_t)n : bytes;
	vq_chain_written(q, chain, 0, *used);
	p->to_guest += *used;
	t->bytes -= *used < t->bytes ? *used : t->bytes;
	return TURN_DONE;
}

static bool guest_accepts(const struct console *c, const struct port *p)
{
	return !console_has_messages(c) || p->progress == PORT_OPEN;
}

int virtdev_priv_port_serve_rx(struct turn *t)
{
	struct console *c = t->c;
	struct port *p = t->port;
	int more = 0;

	if (virtdev_priv_channel_events(&c->channels[t->queue]))
		p->in_ready = p->recheck = true;
	if (!p->host)
		return 0;
	port_recheck(c, p);
	if (p->in_ready && guest_accepts(c, p))
		more = virtdev_priv_channel_turn(t, chain_fill);
	port_recheck(c, p);
	return more;
}

/* -------------------------------------------------------------- from a guest */

/* Bytes of the next transfer. */
static uint32_t transfer_max(const struct turn *t)
{
	return t->bytes < MAX_TRANSFER ? (uint32_t)t->bytes : MAX_TRANSFER;
}

static void put_record(struct port *p, const struct iovec *iov, int n, uint64_t bytes)
{
	const uint64_t recorded = p->record ? p->record(p->recorder, iov, n) : bytes;

	p->unrecorded += bytes - (recorded < bytes ? recorded : bytes);
}

/* Passes the first bytes of the pieces to record; the pieces change. */
static void put_first(struct port *p, struct iovec *iov, uint32_t bytes)
{
	uint32_t left = bytes;
	int n;

	if (!p->record)
		return;
	for (n = 0; left; left -= (uint32_t)iov[n++].iov_len)
		if (iov[n].iov_len > left)
			iov[n].iov_len = left;
	put_record(p, iov, n, bytes);
}

/*
 * Records what the host did not receive, within the turn's budget, and keeps or drops it. Returns whether
 * the chain is complete. A faulty chain has no readable bytes.
 */
static bool put_rest(struct turn *t, struct vq *q, const struct vq_chain *chain, bool keeps)
{
	struct port *p = t->port;
	struct iovec iov[MAX_PIECES];
	struct vq_cursor reader;
	uint32_t bytes;
	int n;

	vq_reader_init(&reader, q, chain);
	vq_cursor_skip(&reader, p->written);
	while (t->bytes && (n = vq_cursor_iov(&reader, transfer_max(t), iov, MAX_PIECES, &bytes)) > 0) {
		put_record(p, iov, n, bytes);
		if (keeps)
			virtdev_priv_kept_add(p, iov, n);
		else
			p->dropped += bytes;
		p->written += bytes;
		t->bytes -= bytes < t->bytes ? bytes : t->bytes;
	}
	return p->written >= chain->readable_len;
}

static enum verdict chain_end(struct turn *t, struct vq *q, const struct vq_chain *chain, bool keeps)
{
	struct port *p = t->port;

	if ((p->record || keeps) && !chain->fault.why && !put_rest(t, q, chain, keeps) && !t->bytes)
		return TURN_AGAIN;
	if (chain->readable_len > p->written)
		p->dropped += chain->readable_len - p->written;
	p->written = 0;
	return TURN_DONE;
}

static enum verdict chain_drop(struct turn *t, struct vq *q, const struct vq_chain *chain)
{
	return chain_end(t, q, chain, false);
}

/* While the host stream is closed, keeps the output of a console for its next peer. */
static enum verdict chain_keep(struct turn *t, struct vq *q, const struct vq_chain *chain)
{
	return chain_end(t, q, chain, t->port->console);
}

static enum verdict chain_wait(struct turn *t, struct vq *q, const struct vq_chain *chain)
{
	struct port *p = t->port;

	if (p->output == OUTPUT_DROPPED)
		return chain_drop(t, q, chain);
	if (p->timer >= 0 && !p->waiting)
		p->waiting = vsu_timer_arm(p->timer, HOST_TIMEOUT_NS) == 0;
	return TURN_WAIT;
}

static void host_accepted(struct turn *t, uint32_t n)
{
	struct port *p = t->port;

	p->written += n;
	p->from_guest += n;
	t->bytes -= n < t->bytes ? n : t->bytes;
	if (p->waiting)
		vsu_timer_disarm(p->timer);
	p->waiting = false;
}

/* Writes the rest of a chain once; returns 0 or the host's error. */
static int chain_write(struct turn *t, struct vq *q,
		       const struct vq_chain *chain)
{
	struct port *p = t->port;
	struct iovec iov[MAX_PIECES];
	struct vq_cursor reader;
	uint32_t bytes;
	ssize_t n;
	int pieces;

	vq_reader_init(&reader, q, chain);
	vq_cursor_skip(&reader, p->written);
	pieces = vq_cursor_iov(&reader, transfer_max(t), iov, MAX_PIECES, &bytes);
	n = virtdev_priv_port_give(p->host, iov, pieces);
	if (n <= 0)
		return n ? (int)n : -EAGAIN;
	if ((uint32_t)n < bytes)
		bytes = (uint32_t)n;
	put_first(p, iov, bytes);
	host_accepted(t, bytes);
	return 0;
}

static enum verdict chain_send(struct turn *t, struct vq *q,
			       struct vq_chain *chain, uint32_t *used)
{
	struct port *p = t->port;
	int rc = 0;

	(void)used;
	if (!p->host_open || chain->fault.why)
		return chain_keep(t, q, chain);
	while (p->written < chain->readable_len) {
		if (p->output != OUTPUT_FLOWS)
			return chain_wait(t, q, chain);
		if (!t->bytes)
			return TURN_AGAIN;
		rc = chain_write(t, q, chain);
		p->recheck = p->recheck || rc == -ENOTCONN;
		if (rc == -ENOTCONN)
			return chain_keep(t, q, chain);
		if (rc < 0)
			p->output = OUTPUT_BLOCKED;
	}
	p->written = 0;
	return TURN_DONE;
}

/* Drops data that the driver writes to a removed port. */
static enum verdict chain_discard(struct turn *t, struct vq *q,
				 struct vq_chain *chain, uint32_t *used)
{
	(void)used;
	return chain_drop(t, q, chain);
}

int virtdev_priv_port_serve_tx(struct turn *t)
{
	struct console *c = t->c;
	struct port *p = t->port;
	unsigned int what = virtdev_priv_channel_events(&c->channels[t->queue]);
	int more;

	if (p->record && t->bytes > MAX_RECORDED)
		t->bytes = MAX_RECORDED;
	if (!p->host)
		return virtdev_priv_channel_turn(t, chain_discard);
	if ((what & CHANNEL_TIMER) && p->waiting) {
		p->waiting = false;
		if (p->output == OUTPUT_BLOCKED)
			p->output = OUTPUT_DROPPED;
	}
	if (what & CHANNEL_WOKEN) {
		p->output = OUTPUT_FLOWS;
		p->recheck = true;
	}
	port_recheck(c, p);
	virtdev_priv_kept_send(p);
	more = virtdev_priv_channel_turn(t, chain_send);
	port_recheck(c, p);
	virtdev_priv_kept_send(p);
	return more;
}

/* Emergency write: one byte through the configuration space, without queues. */
void virtdev_priv_port_emergency(struct console *c, unsigned char byte)
{
	struct port *p = &c->ports[0];
	const struct iovec iov = { &byte, 1 };

	p->recheck = true;
	port_recheck(c, p);
	if (virtdev_priv_port_give(p->host, &iov, 1) == 1)
		p->from_guest++;
	else
		p->dropped++;
	put_record(p, &iov, 1, 1);
}
