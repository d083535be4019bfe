/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check": a ring without requests is configured, started and stopped. */
#include <config.h>

#include <unistd.h>

#include "check_case.h"

/* The driver is at the row's position when the ring starts. */
static bool at_base(struct check *c)
{
	const uint16_t *base = c->row->with;

	c->rings[c->ring].made = *base;
	return true;
}

static bool set_size(struct check *c)
{
	const struct vhost_user_vring_state num = { 0, CHECK_RING_SIZE };

	return check_acked_plain(c, VHOST_USER_SET_VRING_NUM, &num, sizeof(num));
}

static bool truncate_memory(struct check *c)
{
	return check_that(c, ftruncate(c->memory, 0) == 0, "no truncation");
}

/* --------------------------------------------------------------------- rows */

#define BASE(n) &(const uint16_t){ n }
#define BAD(name, rule, ...) { name, rule CHECK_SURVIVED, TYPES, ACK, __VA_ARGS__ }
#define SHARED_BAD { check_share, check_row_sent, check_processed, check_survives }
#define STATE(number, ...) \
	CHECK_MESSAGE(number, 0, 8, struct vhost_user_vring_state, __VA_ARGS__), SHARED_BAD
#define EVENT(number, word, nfds) CHECK_MESSAGE(number, nfds, 8, uint64_t, word), SHARED_BAD
/* Addresses of ring 0, whose size is known. */
#define ADDR(index, desc, used, avail) \
	CHECK_MESSAGE(SET_VRING_ADDR, 0, 40, struct vhost_user_vring_addr, index, 0, \
		      CHECK_USER_ADDR + (desc), CHECK_USER_ADDR + (used), \
		      CHECK_USER_ADDR + (avail), 0), \
	{ check_share, set_size, check_row_sent, check_processed, check_survives }
#define LOW (0x1000 - CHECK_USER_ADDR)

const struct check_case check_rings[] = {
	{ "ring.at-0", "a ring stops where it started", STATES, ACK, NULL,
	  { check_start, check_stop } },
	{ "ring.at-base", "a ring stops at the base that was set", STATES, ACK, BASE(5),
	  { at_base, check_start, check_stop } },
	{ "ring.at-last", "a base may be 65535", STATES, ACK, BASE(UINT16_MAX),
	  { at_base, check_start, check_stop } },
	{ "ring.again", "a stopped ring can be started again", STATES, ACK, BASE(9),
	  { check_start, check_stop, at_base, check_restart, check_stop } },
	{ "ring.twice", "a stopped ring can be stopped", STATES, ACK,
	  CHECK_MESSAGE(GET_VRING_BASE, 0, 8, struct vhost_user_vring_state, 0, 0),
	  { check_start, check_stop, check_row_sent, check_processed, check_survives } },
	{ "ring.disabled", "a running ring can be disabled and enabled", STATES, ACK, NULL,
	  { check_start, check_disable, check_enable, check_stop } },
	{ "ring.call", "the call of a running ring can be replaced", TYPES, ACK, NULL,
	  { check_start, check_new_call, check_new_call, check_stop } },
	{ "ring.call-first", "calls and errors may precede the memory", TYPES, ACK, NULL,
	  { check_new_call, check_new_err, check_start, check_stop } },
	{ "ring.no-call", "a running ring can lose its call", TYPES, ACK, NULL,
	  { check_start, check_no_call, check_stop } },
	{ "ring.features", "GET_FEATURES is answered while a ring runs", TYPES, ACK, NULL,
	  { check_start, check_alive, check_stop } },
	{ "ring.table", "a table can be replaced while a ring runs", ACCESS, ACK, NULL,
	  { check_start, check_share, check_stop } },
	{ "ring.reset", "RESET_DEVICE keeps the connection while a ring runs", TYPES,
	  ACK | PF(RESET_DEVICE), CHECK_EMPTY(RESET_DEVICE), { check_start, check_row_sent, check_alive } },
	{ "ring.gone", "a front-end disconnects while a ring runs", STATES, ACK, NULL,
	  { check_start, check_survives } },
	{ "ring.truncated", "memory disappears while a ring runs", ACCESS, ACK, NULL,
	  { check_start, truncate_memory, check_survives } },
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
	    ADDR(UINT32_MAX, 0, 2048, 1024)),
	BAD("index.kick", "SET_VRING_KICK of a ring that does not exist",
	    EVENT(SET_VRING_KICK, 0xff, 1)),
	BAD("enable.7", "SET_VRING_ENABLE of 7", STATE(SET_VRING_ENABLE, 0, 7)),
	{ "stop.unstarted", "GET_VRING_BASE of an unstarted ring does not end the back-end",
	  STATES, ACK, STATE(GET_VRING_BASE, 0, 0) },
	BAD("addr.no-memory", "a ring without memory",
	    CHECK_MESSAGE(SET_VRING_ADDR, 0, 40, struct vhost_user_vring_addr, 0, 0, CHECK_USER_ADDR,
			  CHECK_USER_ADDR + 2048, CHECK_USER_ADDR + 1024, 0),
	    { set_size, check_row_sent, check_processed, check_survives }),
	BAD("addr.outside", "a ring outside of memory", ADDR(0, LOW, LOW, LOW)),
	BAD("addr.across", "a ring across the end of memory",
	    ADDR(0, 0, CHECK_MEMORY_SIZE - 4, 1024)),
	BAD("addr.unaligned", "an unaligned ring", ADDR(0, 1, 2049, 1025)),
	BAD("event.kick-memory", "a kick that is memory", EVENT(SET_VRING_KICK, 0, 1)),
	BAD("event.kick-missing", "a kick without its descriptor", EVENT(SET_VRING_KICK, 0, 0)),
	BAD("event.kick-nofd", "a descriptor that is denied",
	    EVENT(SET_VRING_KICK, VHOST_USER_VRING_NOFD, 1)),
	BAD("event.call-memory", "a call that is memory", EVENT(SET_VRING_CALL, 0, 1)),
	BAD("event.err-bits", "SET_VRING_ERR with unknown bits", EVENT(SET_VRING_ERR, UINT64_MAX, 0)),
	{ .name = NULL }
};
