/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check": negotiation, replies, and malformed messages before any ring exists. */
#include <config.h>

#include <inttypes.h>
#include <string.h>

#include "check_case.h"

#define HEADER sizeof(struct vhost_user_header)

/* ---------------------------------------------------------------- sequences */

/* A request with or without NEED_REPLY. */
struct step {
	uint32_t number, flags;
	uint64_t word;
};

static bool try_step(struct check *c, const struct step *s, uint64_t *result)
{
	const struct vhost_user_message *m = vhost_user_message(VHOST_USER_SIDE_FRONTEND, s->number);
	const uint64_t word = s->number == VHOST_USER_SET_FEATURES ?
			      c->features & ~VHOST_USER_F_LOG_ALL : s->word & c->protocol;

	if (!check_send(c, s->number, s->flags, &word,
			m->kind == VHOST_USER_PAYLOAD_EMPTY ? 0 : 8, NULL, 0))
		return false;
	if (m->reply != VHOST_USER_REPLY_VALUE)
		return !(s->flags & VHOST_USER_HDR_NEED_REPLY) || check_ack(c, s->number);
	if (!check_reply(c, s->number))
		return false;
	memcpy(result, c->reply.payload, sizeof(*result));
	return true;
}

/* Values that are read twice are the same, and the connection remains. */
static bool sequence(struct check *c)
{
	const struct step *steps = c->row->with, *s;
	uint64_t former = 0, result = 0;

	if (!c->row->needs && !check_negotiate(c, 0))
		return false;
	for (s = steps; s->number; s++) {
		if (s->number == VHOST_USER_GET_PROTOCOL_FEATURES && !c->protocol)
			return check_skip(c, "no protocol features are offered");
		if (!try_step(c, s, &result))
			return false;
		if (s > steps && s[-1].number == s->number &&
		    !check_that(c, result == former, "%#" PRIx64 ", then %#" PRIx64, former,
				result))
			return false;
		former = result;
	}
	return check_alive(c);
}

static bool features_per_connection(struct check *c)
{
	uint64_t first, second;

	return check_get(c, VHOST_USER_GET_FEATURES, &first) && check_connect(c) &&
	       check_get(c, VHOST_USER_GET_FEATURES, &second) &&
	       check_that(c, first == second, "%#" PRIx64 ", then %#" PRIx64, first, second);
}

static bool protocol_needs(struct check *c)
{
	uint64_t lacks;
	unsigned int bit;

	if (!check_negotiate(c, 0))
		return false;
	lacks = check_protocol_lacks(c->protocol);
	for (bit = 0; lacks >> bit > 1; bit++)
		;
	return check_that(c, !lacks, "another feature needs %s", vhost_user_protocol_feature_name(bit));
}

static bool ack_in_order(struct check *c)
{
	static const uint32_t numbers[] = { VHOST_USER_GET_FEATURES, VHOST_USER_SET_OWNER,
					    VHOST_USER_GET_PROTOCOL_FEATURES,
					    VHOST_USER_GET_FEATURES };
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (!check_send(c, numbers[i], numbers[i] == VHOST_USER_SET_OWNER ? NEED : V1,
				NULL, 0, NULL, 0))
			return false;
	for (i = 0; i < 4; i++)
		if (!check_reply(c, numbers[i]))
			return false;
	return true;
}

/* ------------------------------------------------------ simple GET requests */

static bool queue_num(struct check *c)
{
	uint64_t n;

	return check_get(c, VHOST_USER_GET_QUEUE_NUM, &n) &&
	       check_that(c, n >= 1 && n <= 65536, "%" PRIu64 " queues", n);
}

static bool mem_slots(struct check *c)
{
	uint64_t first, second;

	return check_get(c, VHOST_USER_GET_MAX_MEM_SLOTS, &first) &&
	       check_get(c, VHOST_USER_GET_MAX_MEM_SLOTS, &second) &&
	       check_that(c, first >= 1, "no slots") &&
	       check_that(c, second >= first, "%" PRIu64 " slots, then %" PRIu64, first, second);
}

/* SET_STATUS of 3, then of another value, which GET_STATUS has. */
static bool status_returned(struct check *c)
{
	const uint64_t *expected = c->row->with;
	uint64_t status;

	return check_set(c, VHOST_USER_SET_STATUS, 0x3) &&
	       check_set(c, VHOST_USER_SET_STATUS, *expected) &&
	       check_get(c, VHOST_USER_GET_STATUS, &status) &&
	       check_that(c, (status & 0x3) == *expected, "the status is %#" PRIx64, status);
}

static bool config_is_whole(struct check *c)
{
	struct vhost_user_config config;

	if (c->reply.hdr.size <= sizeof(config))
		return check_skip(c, "the device has no configuration space");
	memcpy(&config, c->reply.payload, sizeof(config));
	return check_that(c, c->reply.hdr.size == 20 && config.offset == 0 && config.size == 8,
			  "offset %u, size %u in %u bytes", config.offset, config.size,
			  c->reply.hdr.size);
}

/* ---------------------------------------------------------- malformed input */

/* Sends some bytes of a request. */
static bool cut_at(struct check *c)
{
	const struct vhost_user_header hdr = { VHOST_USER_SET_FEATURES, V1, 8 };
	const size_t *n = c->row->with;

	(void)check_send_bytes(c, &hdr, *n, NULL, 0);
	return true;
}

static bool in_single_bytes(struct check *c)
{
	return check_send_slowly(c, VHOST_USER_GET_FEATURES) && check_reply(c, VHOST_USER_GET_FEATURES);
}

/* -------------------------------------------------------------------- table */

#define SEQUENCE(name, rule, section, needs, ...) \
	{ name, rule, section, needs, (const struct step[]){ __VA_ARGS__, { 0, 0, 0 } }, { sequence } }
#define TYPE_ROW(name, rule, needs, ...) SEQUENCE(name, rule, TYPES, needs, __VA_ARGS__)
#define PROTOCOL_ROW(name, rule, ...) \
	SEQUENCE("protocol." name, rule, PROTOCOL, 0, ASK(GET_PROTOCOL_FEATURES), __VA_ARGS__)
#define ACK_ROW(name, rule, ...) SEQUENCE("ack." name, rule, ACKS, PF(REPLY_ACK), __VA_ARGS__)
#define CONFIG_AT(offset, then) \
	CHECK_MESSAGE(GET_CONFIG, 0, 20, struct vhost_user_config, offset, 8, 0), \
	{ check_row_replied, then }
#define CUT(name, rule, n) \
	{ "input." name, rule, COMMUNICATION, 0, &(const size_t){ n }, { cut_at, check_survives } }
#define INPUT_ROW(name, rule, section, number, flags, size, nfds) \
	{ "input." name, rule, section, 0, \
	  &(const struct check_message){ number, size, NULL, 0, nfds, true, flags }, \
	  { check_row_sent, check_processed, check_survives } }
#define INPUT(name, subject, ...) INPUT_ROW(name, subject CHECK_SURVIVED, __VA_ARGS__)
#define STATUS(value) &(const uint64_t){ value }, { status_returned }
#define ASK(number) { VHOST_USER_##number, V1, 0 }
#define ASK_ACK(number) { VHOST_USER_##number, NEED, 0 }
#define ACCEPT(bits) { VHOST_USER_SET_PROTOCOL_FEATURES, V1, bits }
#define ACKS "VHOST_USER_PROTOCOL_F_REPLY_ACK"

const struct check_case check_handshake[] = {
	TYPE_ROW("features.reply", "GET_FEATURES has a reply of 8 bytes", 0, ASK(GET_FEATURES)),
	TYPE_ROW("features.repeat", "GET_FEATURES has the same reply each time", 0,
		 ASK(GET_FEATURES), ASK(GET_FEATURES)),
	TYPE_ROW("features.set", "SET_FEATURES of what is offered keeps the connection", 0,
		 ASK(SET_FEATURES)),
	TYPE_ROW("features.set-twice", "SET_FEATURES can be repeated", 0, ASK(GET_FEATURES),
		 ASK(SET_FEATURES), ASK(SET_FEATURES)),
	TYPE_ROW("features.before-owner", "GET_FEATURES may precede SET_OWNER", 0, ASK(GET_FEATURES),
		 ASK(SET_OWNER)),
	{ "features.per-connection", "each connection is offered the same features",
	  TYPES, 0, NULL, { features_per_connection } },
	SEQUENCE("protocol.reply", "GET_PROTOCOL_FEATURES has a reply before SET_FEATURES",
		 PROTOCOL, 0, ASK(GET_PROTOCOL_FEATURES)),
	PROTOCOL_ROW("repeat", "GET_PROTOCOL_FEATURES has the same reply each time",
		     ASK(GET_PROTOCOL_FEATURES)),
	PROTOCOL_ROW("none", "no protocol feature must be acknowledged", ACCEPT(0)),
	PROTOCOL_ROW("all", "all offered protocol features can be acknowledged", ACCEPT(UINT64_MAX)),
	{ "protocol.needs", "a feature is offered with those that it requires",
	  PROTOCOL, 0, NULL, { protocol_needs } },
	ACK_ROW("owner", "SET_OWNER is acknowledged on demand", ASK_ACK(SET_OWNER)),
	ACK_ROW("features", "SET_FEATURES is acknowledged on demand", ASK_ACK(SET_FEATURES)),
	ACK_ROW("not-asked", "a request without NEED_REPLY has no reply", ASK(SET_FEATURES)),
	ACK_ROW("once", "a GET_ request with NEED_REPLY has one reply", ASK_ACK(GET_FEATURES),
		ASK_ACK(GET_PROTOCOL_FEATURES)),
	{ "ack.in-order", "requests sent together are answered in order",
	  COMMUNICATION, PF(REPLY_ACK), NULL, { ack_in_order } },
	{ "queues.number", "GET_QUEUE_NUM has a number above 0",
	  "Multiple queue support", PF(MQ), NULL, { queue_num } },
	{ "memory.slots", "GET_MAX_MEM_SLOTS does not decrease",
	  TYPES, PF(CONFIGURE_MEM_SLOTS), NULL, { mem_slots } },
	{ "status.returned", "GET_STATUS has the bits of SET_STATUS", TYPES, PF(STATUS), STATUS(0x3) },
	{ "status.reset", "SET_STATUS of 0 resets the status", TYPES, PF(STATUS), STATUS(0) },
	TYPE_ROW("reset.idempotent", "RESET_DEVICE can be repeated, without a ring", PF(RESET_DEVICE),
		 ASK(RESET_DEVICE), ASK(RESET_DEVICE)),
	TYPE_ROW("shmem.configuration", "GET_SHMEM_CONFIG has a reply of its size", PF(SHMEM),
		 ASK(GET_SHMEM_CONFIG)),
	{ "config.reply", "GET_CONFIG has the requested bytes",
	  TYPES, PF(CONFIG), CONFIG_AT(0, config_is_whole) },
	{ "config.beyond", "GET_CONFIG beyond the space keeps the connection",
	  TYPES, PF(CONFIG), CONFIG_AT(0xfffffff8, check_alive) },
	CUT("nothing", "a front-end that sends nothing disconnects", 0),
	CUT("cut-header", "a front-end disconnects inside a header", 5),
	CUT("cut-payload", "a front-end disconnects before the payload", HEADER),
	{ "input.single-bytes", "a header may arrive in parts",
	  COMMUNICATION, 0, NULL, { in_single_bytes } },
	INPUT("unknown", "an unknown request", COMMUNICATION, 250, V1, 0, 0),
	INPUT("unknown-payload", "an unknown request with a payload", COMMUNICATION, 0x7fffffff, V1,
	      64, 0),
	{ "input.unknown-refused", "an unknown request with NEED_REPLY is not acknowledged",
	  ACKS, PF(REPLY_ACK), &(const struct check_message){ .number = 250 },
	  { check_row_refused, check_survives } },
	INPUT("version", "another version", HEADERS, VHOST_USER_GET_FEATURES, 2, 0, 0),
	INPUT("reply-flag", "a reply without request", HEADERS, VHOST_USER_GET_FEATURES,
	      V1 | VHOST_USER_HDR_REPLY, 0, 0),
	INPUT_ROW("flags", "unknown flags do not end the back-end", HEADERS, VHOST_USER_SET_OWNER,
		  0xfffffff1, 0, 0),
	INPUT("huge", "a size of 4 GiB", HEADERS, VHOST_USER_SET_FEATURES, V1, UINT32_MAX, 0),
	INPUT("short", "a payload that is too short", HEADERS, VHOST_USER_SET_FEATURES, V1, 4, 0),
	INPUT("long", "a payload that is too long", HEADERS, VHOST_USER_SET_OWNER, V1, 512, 0),
	INPUT("descriptor", "an unexpected descriptor", COMMUNICATION, VHOST_USER_SET_OWNER, V1, 0, 1),
	INPUT_ROW("descriptors", "253 descriptors do not end the back-end", COMMUNICATION,
		  VHOST_USER_SET_OWNER, V1, 0, VSU_SOCK_MAX_FDS),
	INPUT("no-channel", "SET_BACKEND_REQ_FD without a descriptor", COMMUNICATION,
	      VHOST_USER_SET_BACKEND_REQ_FD, V1, 0, 0),
	INPUT("wrong-channel", "SET_BACKEND_REQ_FD of an eventfd", COMMUNICATION,
	      VHOST_USER_SET_BACKEND_REQ_FD, V1, 0, 1),
	{ .name = NULL }
};
