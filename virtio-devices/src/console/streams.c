/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The bytes of a port: from its host's end to the guest and back. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "console/priv.h"

/* Of one transfer: a file that never says -EAGAIN takes so much at once. */
#define MAX_TRANSFER (256u * 1024)
/* Pieces of one transfer. */
#define MAX_PIECES 64

/* A driver that waits for a console does so with a CPU. */
#define PATIENCE_NS UINT64_C(1000000000)

static uint32_t id_of(const struct console *c, const struct port *p)
{
	return (uint32_t)(p - c->ports);
}

static void wake_both(struct console *c, const struct port *p)
{
	const uint32_t rx = console_rx_of(id_of(c, p));

	virtdev_priv_channel_wake(&c->channels[rx]);
	virtdev_priv_channel_wake(&c->channels[rx + 1]);
}

/* The next client may wait already: its turn is after the driver was told. */
void virtdev_priv_port_look(struct console *c, struct port *p)
{
	bool open;

	if (!p->unsure)
		return;
	p->unsure = false;
	open = p->host->ops.is_open(p->host->self);
	if (open == p->host_open)
		return;
	p->host_open = open;
	p->in_ready = p->out_ready = true;
	p->given_up = false;
	virtdev_priv_control_tell(c, p, EVENT_PORT_OPEN);
	wake_both(c, p);
}

/* ---------------------------------------------------------------- to a guest */

/* Straight into the guest's buffer. */
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
	n = p->host->ops.read(p->host->self, iov, pieces);
	if (n <= 0) {
		p->in_ready = false;
		p->unsure = n == -ENOTCONN;
		return TURN_WAIT;
	}
	p->unsure = true;	/* that may have been the last of it */
	*used = (uint32_t)n < bytes ? (uint32_t)n : bytes;
	vq_chain_written(q, chain, 0, *used);
	p->to_guest += *used;
	t->bytes -= *used < t->bytes ? *used : t->bytes;
	return TURN_DONE;
}

static bool guest_takes(const struct console *c, const struct port *p)
{
	return !console_has_messages(c) || p->guest_open;
}

int virtdev_priv_port_serve_rx(struct turn *t)
{
	struct console *c = t->c;
	struct port *p = t->port;
	int more = 0;

	if (virtdev_priv_channel_look(&c->channels[t->queue]))
		p->in_ready = p->unsure = true;
	if (!p->host)
		return 0;
	virtdev_priv_port_look(c, p);
	if (p->in_ready && guest_takes(c, p))
		more = virtdev_priv_channel_turn(t, chain_fill);
	virtdev_priv_port_look(c, p);
	return more;
}

/* -------------------------------------------------------------- from a guest */

static enum verdict chain_drop(struct port *p, const struct vq_chain *chain)
{
	if (chain->readable_len > p->written)
		p->dropped += chain->readable_len - p->written;
	p->written = 0;
	return TURN_DONE;
}

static enum verdict chain_wait(struct port *p, const struct vq_chain *chain)
{
	if (p->given_up)
		return chain_drop(p, chain);
	if (p->timer >= 0 && !p->waits)
		p->waits = vsu_timer_arm(p->timer, PATIENCE_NS) == 0;
	return TURN_WAIT;
}

static void host_took(struct turn *t, uint32_t n)
{
	struct port *p = t->port;

	p->written += n;
	p->from_guest += n;
	t->bytes -= n < t->bytes ? n : t->bytes;
	if (p->waits)
		vsu_timer_disarm(p->timer);
	p->waits = false;
}

/* One transfer of what is left of a chain: 0, or that of the host. */
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
	pieces = vq_cursor_iov(&reader, MAX_TRANSFER, iov, MAX_PIECES, &bytes);
	n = p->host->ops.write(p->host->self, iov, pieces);
	if (n <= 0)
		return n ? (int)n : -EAGAIN;
	host_took(t, (uint32_t)n < bytes ? (uint32_t)n : bytes);
	return 0;
}

static enum verdict chain_send(struct turn *t, struct vq *q,
			       struct vq_chain *chain, uint32_t *used)
{
	struct port *p = t->port;
	int rc = 0;

	(void)used;
	if (!p->host_open || chain->fault.why)
		return chain_drop(p, chain);
	while (p->written < chain->readable_len) {
		if (!p->out_ready)
			return chain_wait(p, chain);
		if (!t->bytes)
			return TURN_AGAIN;
		rc = chain_write(t, q, chain);
		p->unsure = p->unsure || rc == -ENOTCONN;
		if (rc == -ENOTCONN)
			return chain_drop(p, chain);
		p->out_ready = !rc;
	}
	p->written = 0;
	return TURN_DONE;
}

/* A port that is gone takes what a driver may still write, and drops it. */
static enum verdict chain_forget(struct turn *t, struct vq *q,
				 struct vq_chain *chain, uint32_t *used)
{
	(void)q;
	(void)used;
	return chain_drop(t->port, chain);
}

int virtdev_priv_port_serve_tx(struct turn *t)
{
	struct console *c = t->c;
	struct port *p = t->port;
	unsigned int what = virtdev_priv_channel_look(&c->channels[t->queue]);
	int more;

	if (!p->host)
		return virtdev_priv_channel_turn(t, chain_forget);
	if (what & CHANNEL_WOKEN) {
		p->out_ready = p->unsure = true;
		p->given_up = false;
	} else if ((what & CHANNEL_TIMER) && p->waits) {
		p->waits = false;
		p->given_up = true;
	}
	virtdev_priv_port_look(c, p);
	more = virtdev_priv_channel_turn(t, chain_send);
	virtdev_priv_port_look(c, p);
	return more;
}

/* A byte by the configuration space, with no queue and no driver. */
void virtdev_priv_port_emergency(struct console *c, unsigned char byte)
{
	struct port *p = &c->ports[0];
	const struct iovec iov = { &byte, 1 };

	p->unsure = true;
	virtdev_priv_port_look(c, p);
	if (p->host->ops.write(p->host->self, &iov, 1) == 1)
		p->from_guest++;
	else
		p->dropped++;
}
