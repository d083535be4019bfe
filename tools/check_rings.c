/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check": a ring without requests is configured, started and stopped. */
#include <config.h>

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "check_case.h"

#define V1 VHOST_USER_HDR_VERSION
#define PF(name) VHOST_USER_PROTOCOL_BIT(name)

/* ---------------------------------------------------------------- start, stop */

static void ring_stops_at_0(struct check *c)
{
	if (check_start(c, 0))
		(void)check_stop(c, 0);
}

static void ring_stops_at_its_base(struct check *c)
{
	if (check_start(c, 5))
		(void)check_stop(c, 5);
}

static void ring_stops_at_the_last(struct check *c)
{
	if (check_start(c, UINT16_MAX))
		(void)check_stop(c, UINT16_MAX);
}

static void ring_starts_again(struct check *c)
{
	if (check_start(c, 0) && check_stop(c, 0) && check_restart(c, 9))
		(void)check_stop(c, 9);
}

static void ring_stops_twice(struct check *c)
{
	const struct vhost_user_vring_state ring = { 0, 0 };

	if (check_start(c, 0) && check_stop(c, 0))
		check_survives_request(c, VHOST_USER_GET_VRING_BASE, &ring, sizeof(ring),
				       NULL, 0);
}

static void ring_is_disabled(struct check *c)
{
	const struct vhost_user_vring_state off = { 0, 0 }, on = { 0, 1 };

	if (check_start(c, 0) &&
	    check_acked_plain(c, VHOST_USER_SET_VRING_ENABLE, &off, sizeof(off)) &&
	    check_acked_plain(c, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on)))
		(void)check_stop(c, 0);
}

static void call_is_replaced(struct check *c)
{
	if (check_start(c, 0) && check_ring_event(c, VHOST_USER_SET_VRING_CALL, 0) &&
	    check_ring_event(c, VHOST_USER_SET_VRING_CALL, 0))
		(void)check_stop(c, 0);
}

static void call_before_memory(struct check *c)
{
	if (check_ring_event(c, VHOST_USER_SET_VRING_CALL, 0) &&
	    check_ring_event(c, VHOST_USER_SET_VRING_ERR, 0) && check_start(c, 0))
		(void)check_stop(c, 0);
}

static void call_without_fd(struct check *c)
{
	const uint64_t none = VHOST_USER_VRING_NOFD;

	if (check_start(c, 0) &&
	    check_acked_plain(c, VHOST_USER_SET_VRING_CALL, &none, sizeof(none)))
		(void)check_stop(c, 0);
}

static void features_while_running(struct check *c)
{
	uint64_t features;

	if (check_start(c, 0) && check_get(c, VHOST_USER_GET_FEATURES, &features))
		(void)check_stop(c, 0);
}

static void table_while_running(struct check *c)
{
	if (check_start(c, 0) && check_share(c))
		(void)check_stop(c, 0);
}

static void reset_while_running(struct check *c)
{
	if (check_start(c, 0) &&
	    check_send(c, VHOST_USER_RESET_DEVICE, V1, NULL, 0, NULL, 0))
		(void)check_alive(c);
}

static void gone_while_running(struct check *c)
{
	if (check_start(c, 0))
		(void)check_survives(c);
}

static void gone_without_memory(struct check *c)
{
	if (check_start(c, 0) && check_that(c, ftruncate(c->memory, 0) == 0, "no truncation"))
		(void)check_survives(c);
}

/* -------------------------------------------------------------- wrong values */

struct state_request {
	uint32_t number;
	struct vhost_user_vring_state state;
};

static void bad_state(struct check *c)
{
	const struct state_request *r = c->row->with;

	if (check_share(c))
		check_survives_request(c, r->number, &r->state, sizeof(r->state), NULL, 0);
}

/* Addresses of ring 0, whose size is known. */
static void bad_addr(struct check *c, struct vhost_user_vring_addr addr)
{
	const struct vhost_user_vring_state num = { 0, CHECK_RING_SIZE };

	if (check_acked_plain(c, VHOST_USER_SET_VRING_NUM, &num, sizeof(num)))
		check_survives_request(c, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr),
				       NULL, 0);
}

static void addr_before_memory(struct check *c)
{
	bad_addr(c, check_ring_addr(c));
}

static void addr_outside_memory(struct check *c)
{
	struct vhost_user_vring_addr addr = check_ring_addr(c);

	addr.desc = addr.used = addr.avail = 0x1000;
	if (check_share(c))
		bad_addr(c, addr);
}

static void addr_across_the_end(struct check *c)
{
	struct vhost_user_vring_addr addr = check_ring_addr(c);

	addr.used = CHECK_USER_ADDR + CHECK_MEMORY_SIZE - 4;
	if (check_share(c))
		bad_addr(c, addr);
}

static void addr_unaligned(struct check *c)
{
	struct vhost_user_vring_addr addr = check_ring_addr(c);

	addr.desc += 1;
	addr.used += 1;
	addr.avail += 1;
	if (check_share(c))
		bad_addr(c, addr);
}

static void addr_index(struct check *c)
{
	struct vhost_user_vring_addr addr = check_ring_addr(c);

	addr.index = UINT32_MAX;
	if (check_share(c))
		bad_addr(c, addr);
}

struct event_request {
	uint32_t number;
	uint64_t word;
	unsigned int nfds;
};

static void bad_event(struct check *c)
{
	const struct event_request *r = c->row->with;

	if (check_share(c))
		check_survives_request(c, r->number, &r->word, sizeof(r->word), &c->memory,
				       r->nfds);
}

/* --------------------------------------------------------------------- rows */

#define STATES "Ring states"
#define TYPES "Front-end message types"
#define ACK PF(REPLY_ACK)
#define STATE(number, index, num) \
	bad_state, &(const struct state_request){ VHOST_USER_##number, { index, num } }
#define EVENT(number, word, nfds) \
	bad_event, &(const struct event_request){ VHOST_USER_##number, word, nfds }

const struct check_case check_rings[] = {
	{ "ring.at-0", "a ring stops where it started", STATES, ACK, ring_stops_at_0, NULL },
	{ "ring.at-base", "a ring stops at the base that was set",
	  STATES, ACK, ring_stops_at_its_base, NULL },
	{ "ring.at-last", "a base may be 65535", STATES, ACK, ring_stops_at_the_last, NULL },
	{ "ring.again", "a stopped ring can be started again", STATES, ACK, ring_starts_again, NULL },
	{ "ring.twice", "a stopped ring can be stopped", STATES, ACK, ring_stops_twice, NULL },
	{ "ring.disabled", "a running ring can be disabled and enabled",
	  STATES, ACK, ring_is_disabled, NULL },
	{ "ring.call", "the call of a running ring can be replaced", TYPES, ACK, call_is_replaced, NULL },
	{ "ring.call-first", "calls and errors may precede the memory",
	  TYPES, ACK, call_before_memory, NULL },
	{ "ring.no-call", "a running ring can lose its call", TYPES, ACK, call_without_fd, NULL },
	{ "ring.features", "GET_FEATURES is answered while a ring runs",
	  TYPES, ACK, features_while_running, NULL },
	{ "ring.table", "a table can be replaced while a ring runs", "Memory access", ACK,
	  table_while_running, NULL },
	{ "ring.reset", "RESET_DEVICE keeps the connection while a ring runs", TYPES,
	  ACK | PF(RESET_DEVICE), reset_while_running, NULL },
	{ "ring.gone", "a front-end disconnects while a ring runs",
	  STATES, ACK, gone_while_running, NULL },
	{ "ring.truncated", "memory disappears while a ring runs", "Memory access", ACK,
	  gone_without_memory, NULL },
	{ "num.0", "a ring of 0 entries does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_NUM, 0, 0) },
	{ "num.huge", "a ring of 2^32 entries does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_NUM, 0, UINT32_MAX) },
	{ "num.odd", "a ring of 77 entries does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_NUM, 0, 77) },
	{ "index.num", "SET_VRING_NUM of a ring that does not exist does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_NUM, UINT32_MAX, 64) },
	{ "index.base", "SET_VRING_BASE of a ring that does not exist does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_BASE, 0x10000, 0) },
	{ "index.enable", "SET_VRING_ENABLE of a ring that does not exist does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_ENABLE, 0x80000000, 1) },
	{ "index.stop", "GET_VRING_BASE of a ring that does not exist does not end the back-end",
	  TYPES, ACK, STATE(GET_VRING_BASE, UINT32_MAX, 0) },
	{ "index.addr", "SET_VRING_ADDR of a ring that does not exist does not end the back-end",
	  TYPES, ACK, addr_index, NULL },
	{ "index.kick", "SET_VRING_KICK of a ring that does not exist does not end the back-end",
	  TYPES, ACK, EVENT(SET_VRING_KICK, 0xff, 1) },
	{ "enable.7", "SET_VRING_ENABLE of 7 does not end the back-end",
	  TYPES, ACK, STATE(SET_VRING_ENABLE, 0, 7) },
	{ "stop.unstarted", "GET_VRING_BASE of an unstarted ring does not end the back-end",
	  STATES, ACK, STATE(GET_VRING_BASE, 0, 0) },
	{ "addr.no-memory", "addresses without memory do not end the back-end", TYPES, ACK,
	  addr_before_memory, NULL },
	{ "addr.outside", "addresses outside of memory do not end the back-end", TYPES, ACK,
	  addr_outside_memory, NULL },
	{ "addr.across", "a ring across the end of memory does not end the back-end", TYPES, ACK,
	  addr_across_the_end, NULL },
	{ "addr.unaligned", "unaligned addresses do not end the back-end",
	  TYPES, ACK, addr_unaligned, NULL },
	{ "event.kick-memory", "a kick that is memory does not end the back-end", TYPES, ACK,
	  EVENT(SET_VRING_KICK, 0, 1) },
	{ "event.kick-missing", "a kick without its descriptor does not end the back-end", TYPES, ACK,
	  EVENT(SET_VRING_KICK, 0, 0) },
	{ "event.kick-nofd", "a descriptor that is denied does not end the back-end", TYPES, ACK,
	  EVENT(SET_VRING_KICK, VHOST_USER_VRING_NOFD, 1) },
	{ "event.call-memory", "a call that is memory does not end the back-end", TYPES, ACK,
	  EVENT(SET_VRING_CALL, 0, 1) },
	{ "event.err-bits", "unknown bits of SET_VRING_ERR do not end the back-end", TYPES, ACK,
	  EVENT(SET_VRING_ERR, UINT64_MAX, 0) },
	{ NULL, NULL, NULL, 0, NULL, NULL }
};
