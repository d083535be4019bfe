/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connections: send queue, credit, timeouts and end. */
#include <config.h>

#include <stddef.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "vsock/priv.h"

/* Limit of used credit, so that differences of counters stay small. */
#define MOST_CREDIT (UINT32_C(1) << 30)

struct vsock_conn *virtdev_priv_vsock_conn_at(struct vsock_link *in_line)
{
	return (struct vsock_conn *)
		((char *)in_line - offsetof(struct vsock_conn, in_line));
}

static struct vsock_conn *conn_in_time(struct vsock_link *in_time)
{
	return (struct vsock_conn *)
		((char *)in_time - offsetof(struct vsock_conn, in_time));
}

uint32_t virtdev_priv_vsock_credit(const struct vsock_conn *c)
{
	const uint32_t used = c->sent - c->peer_forwarded;
	const uint32_t room = c->peer_alloc < MOST_CREDIT ? c->peer_alloc
							  : MOST_CREDIT;

	return used < room ? room - used : 0;
}

bool virtdev_priv_vsock_reads(const struct vsock_conn *c)
{
	return c->state == VSOCK_OPEN &&
	       (c->rest.bytes || (c->readable && !c->host_eof)) &&
	       !(c->guest_shut & VSOCK_SHUT_RECEIVE);
}

/* Without credit, request it once and leave the send queue. */
void virtdev_priv_vsock_line_up(struct vsock_conn *c)
{
	bool sends = virtdev_priv_vsock_reads(c);

	if (sends && !virtdev_priv_vsock_credit(c)) {
		sends = false;
		if (!c->asked)
			c->pending |= VSOCK_PEND_CREDIT_REQUEST;
		c->asked = true;
	}
	if ((sends || c->pending) && !c->in_line.next)
		virtdev_priv_vsock_link_add(&c->bridge->line, &c->in_line);
}

void virtdev_priv_vsock_want(struct vsock_conn *c, unsigned int pending)
{
	c->pending |= (uint8_t)pending;
	virtdev_priv_vsock_line_up(c);
}

/*
 * All timeouts have the same length, so the list is ordered by deadline. If arming
 * the timer fails, the next timeout arms it again.
 */
static void arm_timer(struct vsock_bridge *b, uint64_t now)
{
	const struct vsock_conn *first = conn_in_time(b->times.next);
	const uint64_t wait = first->deadline > now ? first->deadline - now : 1;

	(void)!vsu_timer_arm(b->timer, wait);
}

void virtdev_priv_vsock_time_begin(struct vsock_conn *c)
{
	struct vsock_bridge *b = c->bridge;
	const uint64_t now = vsu_now_ns();
	const bool was_empty = b->times.next == &b->times;

	virtdev_priv_vsock_link_remove(&c->in_time);
	c->deadline = now + b->timeout_ns;
	virtdev_priv_vsock_link_add(&b->times, &c->in_time);
	if (was_empty)
		arm_timer(b, now);
}

void virtdev_priv_vsock_time_end(struct vsock_conn *c)
{
	virtdev_priv_vsock_link_remove(&c->in_time);
}

void virtdev_priv_vsock_close(struct vsock_conn *c)
{
	vsu_fd_close(&c->fd);
	virtdev_priv_vsock_backlog_drop(&c->backlog);
	virtdev_priv_vsock_messages_drop(&c->messages);
	virtdev_priv_vsock_rest_drop(&c->rest);
	c->readable = false;
}

void virtdev_priv_vsock_abort(struct vsock_conn *c)
{
	if (!c->named) {
		virtdev_priv_vsock_conn_free(c);
		return;
	}
	virtdev_priv_vsock_close(c);
	virtdev_priv_vsock_time_end(c);
	c->state = VSOCK_DEAD;
	c->pending = 0;
	virtdev_priv_vsock_want(c, VSOCK_PEND_RST);
}

void virtdev_priv_vsock_too_long(struct vsock_conn *c)
{
	vsock_count(&c->bridge->too_long, 1);
	virtdev_priv_vsock_abort(c);
}

void virtdev_priv_vsock_shut(struct vsock_conn *c, unsigned int flags)
{
	if ((c->shut & flags) == flags)
		return;
	c->shut |= (uint8_t)flags;
	virtdev_priv_vsock_want(c, VSOCK_PEND_SHUTDOWN);
}

/*
 * Sends a credit update when half of the buffer is free again, so that a guest
 * without credit always receives one. Within a message every byte counts, because a
 * message is forwarded only when complete.
 */
void virtdev_priv_vsock_forwarded(struct vsock_conn *c, uint32_t n)
{
	const uint32_t least = c->messages.open ? 1 : c->backlog.size / 2;

	c->forwarded += n;
	if (c->state == VSOCK_OPEN && c->forwarded - c->told >= least)
		virtdev_priv_vsock_want(c, VSOCK_PEND_CREDIT_UPDATE);
}

/* Ends a connection with an overdue response or final reset. */
static void time_is_up(struct vsock_conn *c)
{
	virtdev_priv_vsock_time_end(c);
	virtdev_priv_vsock_abort(c);
}

void virtdev_priv_vsock_expire(struct vsock_bridge *b)
{
	const uint64_t now = vsu_now_ns();
	struct vsock_conn *c;

	while (b->times.next != &b->times) {
		c = conn_in_time(b->times.next);
		if (c->deadline > now) {
			arm_timer(b, now);
			return;
		}
		time_is_up(c);
	}
}
