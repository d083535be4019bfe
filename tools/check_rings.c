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

static void ring_stops(struct check *c)
{
	const uint16_t *base = c->row->with;

	if (check_start(c, *base))
		(void)check_stop(c, *base);
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

/* Addresses of ring 0, whose size is known. */
static void bad_addr(struct check *c)
{
	const struct check_bad *bad = c->row->with;
	const struct vhost_user_vring_state num = { 0, CHECK_RING_SIZE };

	if ((!bad->shared || check_share(c)) &&
	    check_acked_plain(c, VHOST_USER_SET_VRING_NUM, &num, sizeof(num)))
		check_survives_request(c, VHOST_USER_SET_VRING_ADDR, bad->payload, bad->size,
				       NULL, 0);
}

/* --------------------------------------------------------------------- rows */

#define STATES "Ring states"
#define TYPES "Front-end message types"
#define ACK PF(REPLY_ACK)
#define BASE(n) ring_stops, &(const uint16_t){ n }
#define BAD(name, rule, ...) { name, rule CHECK_SURVIVED, TYPES, ACK, __VA_ARGS__ }
#define STATE(number, ...) \
	CHECK_BAD(number, 0, true, 8, struct vhost_user_vring_state, __VA_ARGS__)
#define EVENT(number, word, nfds) CHECK_BAD(number, nfds, true, 8, uint64_t, word)
#define ADDR(shared, index, desc, used, avail) \
	bad_addr, &(const struct check_bad){ 0, 40, &(const struct vhost_user_vring_addr){ \
		index, 0, CHECK_USER_ADDR + (desc), CHECK_USER_ADDR + (used), \
		CHECK_USER_ADDR + (avail), 0 }, 40, 0, shared }
#define LOW (0x1000 - CHECK_USER_ADDR)

const struct check_case check_rings[] = {
	{ "ring.at-0", "a ring stops where it started", STATES, ACK, BASE(0) },
	{ "ring.at-base", "a ring stops at the base that was set", STATES, ACK, BASE(5) },
	{ "ring.at-last", "a base may be 65535", STATES, ACK, BASE(UINT16_MAX) },
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
	BAD("num.0", "a ring of 0 entries", STATE(SET_VRING_NUM, 0, 0)),
	BAD("num.huge", "a ring of 2^32 entries", STATE(SET_VRING_NUM, 0, UINT32_MAX)),
	BAD("num.odd", "a ring of 77 entries", STATE(SET_VRING_NUM, 0, 77)),
	BAD("index.num", "SET_VRING_NUM of a ring that does not exist",
	    STATE(SET_VRING_NUM, UINT32_MAX, 64)),
	BAD("index.base", "SET_VRING_BASE of a ring that does not exist",
	    STATE(SET_VRING_BASE, 0x10000, 0)),
	BAD("index.enable", "SET_VRING_ENABLE of a ring that does not exist",
	    STATE(SET_VRING_ENABLE, 0x80000000, 1)),
	BAD("index.stop", "GET_VRING_BASE of a ring that does not exist",
	    STATE(GET_VRING_BASE, UINT32_MAX, 0)),
	BAD("index.addr", "SET_VRING_ADDR of a ring that does not exist",
	    ADDR(true, UINT32_MAX, 0, 2048, 1024)),
	BAD("index.kick", "SET_VRING_KICK of a ring that does not exist",
	    EVENT(SET_VRING_KICK, 0xff, 1)),
	BAD("enable.7", "SET_VRING_ENABLE of 7", STATE(SET_VRING_ENABLE, 0, 7)),
	{ "stop.unstarted", "GET_VRING_BASE of an unstarted ring does not end the back-end",
	  STATES, ACK, STATE(GET_VRING_BASE, 0, 0) },
	BAD("addr.no-memory", "a ring without memory", ADDR(false, 0, 0, 2048, 1024)),
	BAD("addr.outside", "a ring outside of memory", ADDR(true, 0, LOW, LOW, LOW)),
	BAD("addr.across", "a ring across the end of memory",
	    ADDR(true, 0, 0, CHECK_MEMORY_SIZE - 4, 1024)),
	BAD("addr.unaligned", "an unaligned ring", ADDR(true, 0, 1, 2049, 1025)),
	BAD("event.kick-memory", "a kick that is memory", EVENT(SET_VRING_KICK, 0, 1)),
	BAD("event.kick-missing", "a kick without its descriptor", EVENT(SET_VRING_KICK, 0, 0)),
	BAD("event.kick-nofd", "a descriptor that is denied",
	    EVENT(SET_VRING_KICK, VHOST_USER_VRING_NOFD, 1)),
	BAD("event.call-memory", "a call that is memory", EVENT(SET_VRING_CALL, 0, 1)),
	BAD("event.err-bits", "SET_VRING_ERR with unknown bits", EVENT(SET_VRING_ERR, UINT64_MAX, 0)),
	{ NULL, NULL, NULL, 0, NULL, NULL }
};
