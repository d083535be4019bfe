/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end for "check" that sends anything, and its verdicts. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "check_case.h"
#include "closer.h"

/* ----------------------------------------------------------------- verdicts */

bool check_judge(struct check *c, enum check_verdict verdict, const char *fmt, ...)
{
	va_list args;

	if (c->verdict != CHECK_PASS)
		return false;
	c->verdict = verdict;
	va_start(args, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, args);
	va_end(args);
	return false;
}

/* --------------------------------------------------------------- connection */

static bool has_hung_up(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0;
}

void check_disconnect(struct check *c)
{
	if (c->sock >= 0)
		c->server->left = has_hung_up(c->sock);
	vsu_fd_close(&c->sock);
}

bool check_connect(struct check *c)
{
	struct vsu_error err;

	check_disconnect(c);
	memset(&c->exchange, 0, sizeof(c->exchange));
	c->sock = peer_connect(c->server, &err);
	return check_that(c, c->sock >= 0, "%s", err.msg);
}

void check_note(struct check *c, const struct relay_message *m, unsigned int connection,
		struct verdict *v)
{
	struct trace_line line = { .time_ns = m->time_ns - c->start_ns, .channel = m->channel,
				   .from = m->from, .connection = connection, .m = m, .v = v,
				   .device = tool_device_id(c->device) };

	exchange_judge(&c->exchange, m, v);
	trace_examine(&line);
	trace_text(c->log, &line);
}

/* Writes a message to the log, and judges its form. */
static void note(struct check *c, enum vhost_user_side from, const struct vhost_user_header *hdr,
		 const void *payload, const int *fds, unsigned int nfds, struct verdict *v)
{
	const struct relay_message m = {
		.channel = VHOST_USER_SIDE_FRONTEND, .from = from,
		.time_ns = vsu_now_ns(), .hdr = *hdr, .payload = payload,
		.len = hdr->size <= RELAY_MAX_PAYLOAD ? hdr->size : 0,
		.fds = fds, .nfds = nfds
	};

	check_note(c, &m, 1, v);
}

/* --------------------------------------------------------------------- send */

/* The end of the wait for a message that begins now. */
static uint64_t deadline(const struct check *c)
{
	return vsu_now_ns() + c->timeout_ms * NS_PER_MS;
}

bool check_send_bytes(struct check *c, const void *bytes, size_t n,
		      const int *fds, unsigned int nfds)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, n };
	const uint64_t end = deadline(c);
	ssize_t sent;

	while (iov.iov_len) {
		sent = vsu_sock_send(c->sock, &iov, 1, fds, nfds);
		if (sent == -EAGAIN) {
			if (vsu_wait(c->sock, POLLOUT, -1, end, NULL) == 0)
				continue;
			return check_fail(c, "the back-end does not read");
		}
		if (sent < 0)
			return false;
		nfds = 0;
		iov.iov_base = (char *)iov.iov_base + sent;
		iov.iov_len -= (size_t)sent;
	}
	return true;
}

/* False without a verdict: the back-end has closed. */
static bool send_message(struct check *c, uint32_t number, uint32_t flags,
			 const void *payload, uint32_t size, const int *fds,
			 unsigned int nfds)
{
	unsigned char bytes[sizeof(struct vhost_user_header) + RELAY_MAX_PAYLOAD];
	const struct vhost_user_header hdr = { number, flags, size };
	size_t n = size <= RELAY_MAX_PAYLOAD ? size : 0;
	struct verdict ignored;

	memcpy(bytes, &hdr, sizeof(hdr));
	if (n)
		memcpy(bytes + sizeof(hdr), payload, n);
	note(c, VHOST_USER_SIDE_FRONTEND, &hdr, payload, fds, nfds, &ignored);
	return check_send_bytes(c, bytes, sizeof(hdr) + n, fds, nfds);
}

bool check_send(struct check *c, uint32_t number, uint32_t flags,
		const void *payload, uint32_t size, const int *fds,
		unsigned int nfds)
{
	return send_message(c, number, flags, payload, size, fds, nfds) ||
	       check_fail(c, "the back-end has closed the connection");
}

bool check_send_slowly(struct check *c, uint32_t number)
{
	const struct vhost_user_header hdr = { number, VHOST_USER_HDR_VERSION, 0 };
	struct verdict ignored;
	size_t i;

	note(c, VHOST_USER_SIDE_FRONTEND, &hdr, NULL, NULL, 0, &ignored);
	for (i = 0; i < sizeof(hdr); i++)
		if (!check_send_bytes(c, (const char *)&hdr + i, 1, NULL, 0))
			return check_fail(c, "closed after %zu bytes of a header", i);
	return true;
}

/* ------------------------------------------------------------------ receive */

/* Receives n bytes. More descriptors than one message can have are closed. */
static enum check_received receive(struct check *c, void *bytes, size_t n, uint64_t end)
{
	struct check_reply *r = &c->reply;
	struct iovec iov = { bytes, n };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int i, got;
	ssize_t rc;

	while (iov.iov_len) {
		if (vsu_wait(c->sock, POLLIN, -1, end, NULL) < 0)
			return CHECK_RECEIVED_NOTHING;
		rc = vsu_sock_recv(c->sock, &iov, 1, fds, &got);
		for (i = 0; i < got; i++)
			if (r->nfds < VSU_SOCK_MAX_FDS)
				r->fds[r->nfds++] = fds[i];
			else
				vsu_foreign_close(prog_closer(), &fds[i]);
		if (rc == -EAGAIN)
			continue;
		if (rc <= 0)
			return CHECK_RECEIVED_END;
		iov.iov_base = (char *)iov.iov_base + rc;
		iov.iov_len -= (size_t)rc;
	}
	return CHECK_RECEIVED;
}

enum check_received check_receive(struct check *c)
{
	struct check_reply *r = &c->reply;
	const uint64_t end = deadline(c);
	enum check_received got;

	r->nfds = 0;
	got = receive(c, &r->hdr, sizeof(r->hdr), end);
	if (got != CHECK_RECEIVED)
		return got;
	if (r->hdr.size > RELAY_MAX_PAYLOAD)
		return CHECK_RECEIVED_INVALID;
	return receive(c, r->payload, r->hdr.size, end);
}

void check_close_fds(struct check *c)
{
	unsigned int i;

	for (i = 0; i < c->reply.nfds; i++)
		vsu_foreign_close(prog_closer(), &c->reply.fds[i]);
}

/* Notes a message that was received, and closes its descriptors in any case. */
static void note_reply(struct check *c, enum check_received got, struct verdict *v)
{
	const struct check_reply *r = &c->reply;

	if (got == CHECK_RECEIVED)
		note(c, VHOST_USER_SIDE_BACKEND, &r->hdr, r->payload, r->fds, r->nfds, v);
	check_close_fds(c);
}

/*
 * note_reply(); a problem fails the case. An unknown number is none: the message answers
 * such a request.
 */
static bool take_reply(struct check *c, enum check_received got)
{
	struct verdict v;

	note_reply(c, got, &v);
	return got == CHECK_RECEIVED &&
	       (!v.row || !v.nproblems || check_fail(c, "%s", v.problems[0].msg));
}

/* A verdict, unless a message was received. */
static bool has_received(struct check *c, enum check_received got, const char *name)
{
	switch (got) {
	case CHECK_RECEIVED_END:
		return check_fail(c, "the back-end has closed instead of replying to %s", name);
	case CHECK_RECEIVED_NOTHING:
		return check_fail(c, "no reply to %s within %" PRIu64 " ms", name, c->timeout_ms);
	case CHECK_RECEIVED_INVALID:
		return check_fail(c, "a reply has %u bytes, more than the maximum of %u",
				  c->reply.hdr.size, RELAY_MAX_PAYLOAD);
	case CHECK_RECEIVED:
		break;
	}
	return true;
}

bool check_reply(struct check *c, uint32_t number)
{
	const char *name = vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, number);
	const enum check_received got = check_receive(c);
	const bool fine = take_reply(c, got);

	return has_received(c, got, name) && fine &&
	       check_that(c, c->reply.hdr.request == number, "the reply to %s has the number %u",
			  name, c->reply.hdr.request);
}

bool check_reply_bytes(struct check *c, void *to, size_t size)
{
	if (!check_that(c, c->reply.hdr.size == size, "a reply has %u bytes, expected %zu",
			c->reply.hdr.size, size))
		return false;
	memcpy(to, c->reply.payload, size);
	return true;
}

/* ----------------------------------------------------------------- requests */

bool check_get(struct check *c, uint32_t number, uint64_t *word)
{
	return check_send(c, number, VHOST_USER_HDR_VERSION, NULL, 0, NULL, 0) &&
	       check_reply(c, number) && check_reply_bytes(c, word, sizeof(*word));
}

bool check_set(struct check *c, uint32_t number, uint64_t word)
{
	return check_send(c, number, VHOST_USER_HDR_VERSION, &word, sizeof(word),
			  NULL, 0);
}

bool check_ack(struct check *c, uint32_t number)
{
	uint64_t result;

	return check_reply(c, number) && check_reply_bytes(c, &result, sizeof(result)) &&
	       check_that(c, result == 0, "%s was refused",
			  vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, number));
}

bool check_acked(struct check *c, uint32_t number, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds)
{
	return check_send(c, number, NEED, payload, size, fds, nfds) && check_ack(c, number);
}

bool check_acked_plain(struct check *c, uint32_t number, const void *payload,
		       uint32_t size)
{
	return check_acked(c, number, payload, size, NULL, 0);
}

bool check_negotiate(struct check *c, uint64_t wanted)
{
	uint64_t missing;
	unsigned int bit;

	if (!check_get(c, VHOST_USER_GET_FEATURES, &c->features))
		return false;
	if (!(c->features & VHOST_USER_F_PROTOCOL_FEATURES))
		return wanted ? check_skip(c, "no protocol features are offered") : true;
	if (!check_get(c, VHOST_USER_GET_PROTOCOL_FEATURES, &c->protocol))
		return false;
	missing = wanted & ~c->protocol;
	for (bit = 0; missing && bit < 64; bit++)
		if (missing >> bit & 1)
			return check_skip(c, "%s is not offered",
					  vhost_user_protocol_feature_name(bit));
	return check_set(c, VHOST_USER_SET_PROTOCOL_FEATURES, wanted);
}

uint64_t check_protocol_lacks(uint64_t features)
{
	static const struct { uint64_t bit, needs; } rows[] = {
		{ PF(BACKEND_SEND_FD), PF(BACKEND_REQ) },
		{ PF(HOST_NOTIFIER), PF(BACKEND_REQ) },
		{ PF(INBAND_NOTIFICATIONS), PF(BACKEND_REQ) | PF(REPLY_ACK) },
		{ PF(SHMEM), PF(BACKEND_REQ) | PF(BACKEND_SEND_FD) },
	};
	uint64_t lacks = 0;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (features & rows[i].bit)
			lacks |= rows[i].needs & ~features;
	return lacks;
}

void check_await(struct check *c, uint32_t number, const void *payload, uint32_t size)
{
	struct verdict ignored;

	if (send_message(c, number, VHOST_USER_HDR_VERSION, payload, size, NULL, 0))
		note_reply(c, check_receive(c), &ignored);
}

bool check_processed(struct check *c)
{
	check_await(c, VHOST_USER_GET_FEATURES, NULL, 0);
	return true;
}

bool check_alive(struct check *c)
{
	uint64_t features;

	return check_get(c, VHOST_USER_GET_FEATURES, &features);
}

bool check_survives(struct check *c)
{
	return check_connect(c) && check_alive(c);
}

/* ----------------------------------------------------------- rows' requests */

static const struct check_message *row_message(const struct check *c)
{
	return c->row->with;
}

static bool send_row(struct check *c, uint32_t flags)
{
	const struct check_message *m = row_message(c);
	unsigned char bytes[RELAY_MAX_PAYLOAD] = { 0 };
	int i, fds[VSU_SOCK_MAX_FDS], event = vsu_event_new();
	bool sent;

	if (m->len)
		memcpy(bytes, m->payload, m->len);
	for (i = 0; i < VSU_SOCK_MAX_FDS; i++)
		fds[i] = m->events ? event : c->memory;
	sent = check_send(c, m->number, m->flags ? m->flags : flags, bytes, m->size, fds, m->nfds);
	vsu_fd_close(&event);
	return sent;
}

bool check_row_sent(struct check *c)
{
	return send_row(c, VHOST_USER_HDR_VERSION);
}

bool check_row_replied(struct check *c)
{
	return check_row_sent(c) && check_reply(c, row_message(c)->number);
}

bool check_row_acked(struct check *c)
{
	return send_row(c, NEED) && check_ack(c, row_message(c)->number);
}

bool check_row_refused(struct check *c)
{
	enum check_received got;
	uint64_t result = 0;

	if (!send_row(c, NEED))
		return false;
	got = check_receive(c);
	(void)take_reply(c, got);
	if (got == CHECK_RECEIVED_END) {
		check_disconnect(c);
		return true;
	}
	if (!has_received(c, got, vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, row_message(c)->number)))
		return false;
	memcpy(&result, c->reply.payload, sizeof(result));
	return check_that(c, c->reply.hdr.size == sizeof(result) && result != 0,
			  "the request was not refused");
}
