/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check": negotiation, replies, and malformed messages before any ring exists. */
#include <config.h>

#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "check_case.h"

#define V1 VHOST_USER_HDR_VERSION
#define NEED (V1 | VHOST_USER_HDR_NEED_REPLY)
#define PF(name) VHOST_USER_PROTOCOL_BIT(name)
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
	const bool value = m->reply == VHOST_USER_REPLY_VALUE;
	const uint64_t word = s->number == VHOST_USER_SET_FEATURES ?
			      c->features & ~VHOST_USER_F_LOG_ALL : s->word & c->protocol;
	struct check_reply reply;

	if (!check_send(c, s->number, s->flags, &word,
			m->kind == VHOST_USER_PAYLOAD_EMPTY ? 0 : 8, NULL, 0))
		return false;
	if (!value && !(s->flags & VHOST_USER_HDR_NEED_REPLY))
		return true;
	if (!check_reply(c, s->number, &reply))
		return false;
	memcpy(result, reply.payload, sizeof(*result));
	return value || check_that(c, *result == 0, "%s was refused", m->name);
}

/* Values that are read twice are the same, and the connection remains. */
static void sequence(struct check *c)
{
	const struct step *steps = c->row->with, *s;
	uint64_t former = 0, result = 0;

	if (!c->row->needs && !check_negotiate(c, 0))
		return;
	for (s = steps; s->number; s++) {
		if (s->number == VHOST_USER_GET_PROTOCOL_FEATURES && !c->protocol)
			check_skip(c, "no protocol features are offered");
		if (c->verdict || !try_step(c, s, &result))
			return;
		if (s > steps && s[-1].number == s->number &&
		    !check_that(c, result == former, "%#" PRIx64 ", then %#" PRIx64, former,
				result))
			return;
		former = result;
	}
	(void)check_alive(c);
}

static void features_per_connection(struct check *c)
{
	uint64_t first, second;

	if (check_get(c, VHOST_USER_GET_FEATURES, &first) && check_connect(c) &&
	    check_get(c, VHOST_USER_GET_FEATURES, &second))
		(void)check_that(c, first == second, "%#" PRIx64 ", then %#" PRIx64,
				 first, second);
}

/* -------------------------------------------------------- protocol features */

/* A feature and those that must be offered with it. */
static void protocol_needs(struct check *c)
{
	static const struct { unsigned int bit; uint64_t needs; } rows[] = {
		{ VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD, PF(BACKEND_REQ) },
		{ VHOST_USER_PROTOCOL_F_HOST_NOTIFIER, PF(BACKEND_REQ) },
		{ VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS, PF(BACKEND_REQ) | PF(REPLY_ACK) },
		{ VHOST_USER_PROTOCOL_F_SHMEM, PF(BACKEND_REQ) | PF(BACKEND_SEND_FD) },
	};
	size_t i;

	if (!check_negotiate(c, 0))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (c->protocol >> rows[i].bit & 1)
			(void)check_that(c, !(rows[i].needs & ~c->protocol), "%s without %#" PRIx64,
					 vhost_user_protocol_feature_name(rows[i].bit),
					 rows[i].needs & ~c->protocol);
}

/* ------------------------------------------------------------------ replies */

static void ack_in_order(struct check *c)
{
	static const uint32_t numbers[] = { VHOST_USER_GET_FEATURES, VHOST_USER_SET_OWNER,
					    VHOST_USER_GET_PROTOCOL_FEATURES,
					    VHOST_USER_GET_FEATURES };
	struct check_reply reply;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (!check_send(c, numbers[i], numbers[i] == VHOST_USER_SET_OWNER ? NEED : V1,
				NULL, 0, NULL, 0))
			return;
	for (i = 0; i < 4; i++)
		if (!check_reply(c, numbers[i], &reply))
			return;
}

/* ------------------------------------------------------ simple GET requests */

static void queue_num(struct check *c)
{
	uint64_t n;

	if (check_get(c, VHOST_USER_GET_QUEUE_NUM, &n))
		(void)check_that(c, n >= 1 && n <= 65536, "%" PRIu64 " queues", n);
}

static void mem_slots(struct check *c)
{
	uint64_t first, second;

	if (check_get(c, VHOST_USER_GET_MAX_MEM_SLOTS, &first) &&
	    check_get(c, VHOST_USER_GET_MAX_MEM_SLOTS, &second) &&
	    check_that(c, first >= 1, "no slots"))
		(void)check_that(c, second >= first, "%" PRIu64 " slots, then %" PRIu64,
				 first, second);
}

/* SET_STATUS of 3, then of another value, which GET_STATUS has. */
static void status_returned(struct check *c)
{
	const uint64_t *expected = c->row->with;
	uint64_t status;

	if (check_set(c, VHOST_USER_SET_STATUS, 0x3) &&
	    check_set(c, VHOST_USER_SET_STATUS, *expected) &&
	    check_get(c, VHOST_USER_GET_STATUS, &status))
		(void)check_that(c, (status & 0x3) == *expected, "the status is %#" PRIx64, status);
}

/* ------------------------------------------------------------ configuration */

/* GET_CONFIG of 8 bytes at an offset. */
static bool get_config(struct check *c, uint32_t offset, struct check_reply *reply)
{
	unsigned char request[20] = { 0 };
	const struct vhost_user_config config = { .offset = offset, .size = 8 };

	memcpy(request, &config, sizeof(config));
	return check_send(c, VHOST_USER_GET_CONFIG, V1, request, sizeof(request), NULL, 0) &&
	       check_reply(c, VHOST_USER_GET_CONFIG, reply);
}

static void config_reply(struct check *c)
{
	struct check_reply reply;
	struct vhost_user_config config;

	if (!get_config(c, 0, &reply))
		return;
	if (reply.hdr.size <= sizeof(config)) {
		(void)check_skip(c, "the device has no configuration space");
		return;
	}
	memcpy(&config, reply.payload, sizeof(config));
	(void)check_that(c, reply.hdr.size == 20 && config.offset == 0 && config.size == 8,
			 "offset %u, size %u in %u bytes", config.offset, config.size,
			 reply.hdr.size);
}

/* Refused, or bytes that are zero; but not the end of the connection. */
static void config_beyond(struct check *c)
{
	struct check_reply reply;

	if (get_config(c, 0xfffffff8, &reply))
		(void)check_alive(c);
}

/* ---------------------------------------------------------- malformed input */

/* Disconnects behind some bytes of a request. */
static void cut_at(struct check *c)
{
	const struct vhost_user_header hdr = { VHOST_USER_SET_FEATURES, V1, 8 };
	const size_t *n = c->row->with;

	(void)check_send_bytes(c, &hdr, *n, NULL, 0);
	(void)check_survives(c);
}

static void in_single_bytes(struct check *c)
{
	struct check_reply reply;

	if (check_send_slowly(c, VHOST_USER_GET_FEATURES))
		(void)check_reply(c, VHOST_USER_GET_FEATURES, &reply);
}

/* Sends one message that no front-end should; the back-end may close, but not end. */
struct message {
	uint32_t number, flags, size;
	unsigned int nfds;
};

static void send_and_survive(struct check *c)
{
	const struct message *m = c->row->with;
	static const unsigned char zeros[RELAY_MAX_PAYLOAD];
	int i, fds[VSU_SOCK_MAX_FDS], fd = eventfd(0, EFD_CLOEXEC);

	for (i = 0; i < VSU_SOCK_MAX_FDS; i++)
		fds[i] = fd;
	if (check_send(c, m->number, m->flags, zeros, m->size, fds, m->nfds))
		(void)check_survives(c);
	vsu_fd_close(&fd);
}

static void unknown_refused(struct check *c)
{
	if (check_refused(c, 250, NULL, 0, NULL, 0))
		(void)check_survives(c);
}

/* -------------------------------------------------------------------- table */

#define FRONT_END "Front-end message types"
#define FEATURES "Protocol features"
#define COMMUNICATION "Communication"
#define HEADERS "Header"
#define MESSAGE(...) send_and_survive, &(const struct message){ __VA_ARGS__ }
#define SEQUENCE(...) sequence, (const struct step[]){ __VA_ARGS__, { 0, 0, 0 } }
#define CUT(n) cut_at, &(const size_t){ n }
#define STATUS(value) status_returned, &(const uint64_t){ value }
#define ASK(number) { VHOST_USER_##number, V1, 0 }
#define ASK_ACK(number) { VHOST_USER_##number, NEED, 0 }
#define ACCEPT(bits) { VHOST_USER_SET_PROTOCOL_FEATURES, V1, bits }
#define ACKS "VHOST_USER_PROTOCOL_F_REPLY_ACK"

const struct check_case check_handshake[] = {
	{ "features.reply", "GET_FEATURES has a reply of 8 bytes",
	  FRONT_END, 0, SEQUENCE(ASK(GET_FEATURES)) },
	{ "features.repeat", "GET_FEATURES has the same reply each time",
	  FRONT_END, 0, SEQUENCE(ASK(GET_FEATURES), ASK(GET_FEATURES)) },
	{ "features.set", "SET_FEATURES of what is offered keeps the connection",
	  FRONT_END, 0, SEQUENCE(ASK(SET_FEATURES)) },
	{ "features.set-twice", "SET_FEATURES can be repeated",
	  FRONT_END, 0, SEQUENCE(ASK(GET_FEATURES), ASK(SET_FEATURES), ASK(SET_FEATURES)) },
	{ "features.before-owner", "GET_FEATURES may precede SET_OWNER",
	  FRONT_END, 0, SEQUENCE(ASK(GET_FEATURES), ASK(SET_OWNER)) },
	{ "features.per-connection", "each connection is offered the same features",
	  FRONT_END, 0, features_per_connection, NULL },
	{ "protocol.reply", "GET_PROTOCOL_FEATURES has a reply before SET_FEATURES",
	  FEATURES, 0, SEQUENCE(ASK(GET_PROTOCOL_FEATURES)) },
	{ "protocol.repeat", "GET_PROTOCOL_FEATURES has the same reply each time",
	  FEATURES, 0, SEQUENCE(ASK(GET_PROTOCOL_FEATURES), ASK(GET_PROTOCOL_FEATURES)) },
	{ "protocol.none", "no protocol feature must be acknowledged",
	  FEATURES, 0, SEQUENCE(ASK(GET_PROTOCOL_FEATURES), ACCEPT(0)) },
	{ "protocol.all", "all offered protocol features can be acknowledged",
	  FEATURES, 0, SEQUENCE(ASK(GET_PROTOCOL_FEATURES), ACCEPT(UINT64_MAX)) },
	{ "protocol.needs", "a feature is offered with those that it requires",
	  FEATURES, 0, protocol_needs, NULL },
	{ "ack.owner", "SET_OWNER is acknowledged on demand",
	  ACKS, PF(REPLY_ACK), SEQUENCE(ASK_ACK(SET_OWNER)) },
	{ "ack.features", "SET_FEATURES is acknowledged on demand",
	  ACKS, PF(REPLY_ACK), SEQUENCE(ASK_ACK(SET_FEATURES)) },
	{ "ack.not-asked", "a request without NEED_REPLY has no reply",
	  ACKS, PF(REPLY_ACK), SEQUENCE(ASK(SET_FEATURES)) },
	{ "ack.once", "a GET_ request with NEED_REPLY has one reply",
	  ACKS, PF(REPLY_ACK), SEQUENCE(ASK_ACK(GET_FEATURES), ASK_ACK(GET_PROTOCOL_FEATURES)) },
	{ "ack.in-order", "requests sent together are answered in order",
	  COMMUNICATION, PF(REPLY_ACK), ack_in_order, NULL },
	{ "queues.number", "GET_QUEUE_NUM has a number above 0",
	  "Multiple queue support", PF(MQ), queue_num, NULL },
	{ "memory.slots", "GET_MAX_MEM_SLOTS does not decrease",
	  FRONT_END, PF(CONFIGURE_MEM_SLOTS), mem_slots, NULL },
	{ "status.returned", "GET_STATUS has the bits of SET_STATUS",
	  FRONT_END, PF(STATUS), STATUS(0x3) },
	{ "status.reset", "SET_STATUS of 0 resets the status", FRONT_END, PF(STATUS), STATUS(0) },
	{ "reset.idempotent", "RESET_DEVICE can be repeated, without a ring",
	  FRONT_END, PF(RESET_DEVICE), SEQUENCE(ASK(RESET_DEVICE), ASK(RESET_DEVICE)) },
	{ "shmem.configuration", "GET_SHMEM_CONFIG has a reply of its size",
	  FRONT_END, PF(SHMEM), SEQUENCE(ASK(GET_SHMEM_CONFIG)) },
	{ "config.reply", "GET_CONFIG has the requested bytes",
	  FRONT_END, PF(CONFIG), config_reply, NULL },
	{ "config.beyond", "GET_CONFIG beyond the space keeps the connection",
	  FRONT_END, PF(CONFIG), config_beyond, NULL },
	{ "input.nothing", "a front-end that sends nothing disconnects", COMMUNICATION, 0, CUT(0) },
	{ "input.cut-header", "a front-end disconnects inside a header", COMMUNICATION, 0, CUT(5) },
	{ "input.cut-payload", "a front-end disconnects before the payload",
	  COMMUNICATION, 0, CUT(HEADER) },
	{ "input.single-bytes", "a header may arrive in parts",
	  COMMUNICATION, 0, in_single_bytes, NULL },
	{ "input.unknown", "an unknown request does not end the back-end",
	  COMMUNICATION, 0, MESSAGE(250, V1, 0, 0) },
	{ "input.unknown-payload", "an unknown request with a payload does not end the back-end",
	  COMMUNICATION, 0, MESSAGE(0x7fffffff, V1, 64, 0) },
	{ "input.unknown-refused", "an unknown request with NEED_REPLY is not acknowledged",
	  ACKS, PF(REPLY_ACK), unknown_refused, NULL },
	{ "input.version", "another version does not end the back-end",
	  HEADERS, 0, MESSAGE(VHOST_USER_GET_FEATURES, 2, 0, 0) },
	{ "input.reply-flag", "a reply without request does not end the back-end",
	  HEADERS, 0, MESSAGE(VHOST_USER_GET_FEATURES, V1 | VHOST_USER_HDR_REPLY, 0, 0) },
	{ "input.flags", "unknown flags do not end the back-end",
	  HEADERS, 0, MESSAGE(VHOST_USER_SET_OWNER, 0xfffffff1, 0, 0) },
	{ "input.huge", "a size of 4 GiB does not end the back-end",
	  HEADERS, 0, MESSAGE(VHOST_USER_SET_FEATURES, V1, UINT32_MAX, 0) },
	{ "input.short", "a payload that is too short does not end the back-end",
	  HEADERS, 0, MESSAGE(VHOST_USER_SET_FEATURES, V1, 4, 0) },
	{ "input.long", "a payload that is too long does not end the back-end",
	  HEADERS, 0, MESSAGE(VHOST_USER_SET_OWNER, V1, 512, 0) },
	{ "input.descriptor", "an unexpected descriptor does not end the back-end",
	  COMMUNICATION, 0, MESSAGE(VHOST_USER_SET_OWNER, V1, 0, 1) },
	{ "input.descriptors", "253 descriptors do not end the back-end",
	  COMMUNICATION, 0, MESSAGE(VHOST_USER_SET_OWNER, V1, 0, VSU_SOCK_MAX_FDS) },
	{ "input.no-channel", "SET_BACKEND_REQ_FD without a descriptor does not end the back-end",
	  COMMUNICATION, 0, MESSAGE(VHOST_USER_SET_BACKEND_REQ_FD, V1, 0, 0) },
	{ "input.wrong-channel", "SET_BACKEND_REQ_FD of an eventfd does not end the back-end",
	  COMMUNICATION, 0, MESSAGE(VHOST_USER_SET_BACKEND_REQ_FD, V1, 0, 1) },
	{ NULL, NULL, NULL, 0, NULL, NULL }
};
