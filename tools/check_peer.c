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

#define NS_PER_MS UINT64_C(1000000)
#define NEED (VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY)

/* ----------------------------------------------------------------- verdicts */

static VSU_PRINTF(3, 0) bool judge(struct check *c, enum check_verdict verdict,
				   const char *fmt, va_list args)
{
	if (c->verdict == CHECK_PASS) {
		c->verdict = verdict;
		vsnprintf(c->why, sizeof(c->why), fmt, args);
	}
	return false;
}

bool check_fail(struct check *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	judge(c, CHECK_FAIL, fmt, args);
	va_end(args);
	return false;
}

bool check_skip(struct check *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	judge(c, CHECK_SKIP, fmt, args);
	va_end(args);
	return false;
}

bool check_that(struct check *c, bool holds, const char *fmt, ...)
{
	va_list args;

	if (holds)
		return true;
	va_start(args, fmt);
	judge(c, CHECK_FAIL, fmt, args);
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
	c->sock = check_server_connect(c->server, &err);
	return check_that(c, c->sock >= 0, "%s", err.msg);
}

/* Writes a message to the log, and judges its form. */
static void log_message(struct check *c, enum vhost_user_side from,
			const struct vhost_user_header *hdr, const void *payload,
			const int *fds, unsigned int nfds, struct verdict *v)
{
	const struct relay_message m = {
		.channel = VHOST_USER_SIDE_FRONTEND, .from = from,
		.time_ns = vsu_now_ns(), .hdr = *hdr, .payload = payload,
		.len = hdr->size <= RELAY_MAX_PAYLOAD ? hdr->size : 0,
		.fds = fds, .nfds = nfds
	};
	struct trace_line line = { .time_ns = m.time_ns - c->start_ns, .from = from,
				   .connection = 1, .m = &m, .v = v };

	exchange_judge(&c->exchange, &m, v);
	trace_examine(&line);
	trace_text(c->log, &line);
}

/* Writes a message of ours, which may break any rule, to the log. */
static void log_ours(struct check *c, const struct vhost_user_header *hdr,
		     const void *payload, const int *fds, unsigned int nfds)
{
	struct verdict v;

	log_message(c, VHOST_USER_SIDE_FRONTEND, hdr, payload, fds, nfds, &v);
}

/* --------------------------------------------------------------------- send */

/* The end of the wait for a message that begins now. */
static uint64_t deadline(const struct check *c)
{
	return vsu_now_ns() + c->timeout_ms * NS_PER_MS;
}

/* False if it does not become ready before the end. */
static bool wait_for(const struct check *c, short events, uint64_t end)
{
	struct pollfd p = { .fd = c->sock, .events = events };
	uint64_t now;
	int rc;

	do {
		now = vsu_now_ns();
		rc = poll(&p, 1, now < end ? (int)((end - now) / NS_PER_MS) + 1 : 0);
	} while (rc < 0 && errno == EINTR);
	return rc > 0;
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
			if (wait_for(c, POLLOUT, end))
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

	memcpy(bytes, &hdr, sizeof(hdr));
	if (n)
		memcpy(bytes + sizeof(hdr), payload, n);
	log_ours(c, &hdr, payload, fds, nfds);
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
	size_t i;

	log_ours(c, &hdr, NULL, NULL, 0);
	for (i = 0; i < sizeof(hdr); i++)
		if (!check_send_bytes(c, (const char *)&hdr + i, 1, NULL, 0))
			return check_fail(c, "closed after %zu bytes of a header", i);
	return true;
}

/* ------------------------------------------------------------------ receive */

/* Receives n bytes. More descriptors than one message can have are closed. */
static enum check_received receive(struct check *c, void *bytes, size_t n, uint64_t end,
			     struct check_reply *r)
{
	struct iovec iov = { bytes, n };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int i, got;
	ssize_t rc;

	while (iov.iov_len) {
		if (!wait_for(c, POLLIN, end))
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

enum check_received check_receive(struct check *c, struct check_reply *r)
{
	const uint64_t end = deadline(c);
	enum check_received got;

	r->nfds = 0;
	got = receive(c, &r->hdr, sizeof(r->hdr), end, r);
	if (got != CHECK_RECEIVED)
		return got;
	if (r->hdr.size > RELAY_MAX_PAYLOAD)
		return CHECK_RECEIVED_INVALID;
	return receive(c, r->payload, r->hdr.size, end, r);
}

/* Writes a message that was received to the log, and closes its descriptors in any case. */
static void log_reply(struct check *c, struct check_reply *r, enum check_received got,
		      struct verdict *v)
{
	unsigned int i;

	if (got == CHECK_RECEIVED)
		log_message(c, VHOST_USER_SIDE_BACKEND, &r->hdr, r->payload, r->fds, r->nfds, v);
	for (i = 0; i < r->nfds; i++)
		vsu_foreign_close(prog_closer(), &r->fds[i]);
}

/*
 * log_reply(); a problem fails the case. An unknown number is none: the message answers
 * such a request.
 */
static bool take_reply(struct check *c, struct check_reply *r, enum check_received got)
{
	struct verdict v;

	log_reply(c, r, got, &v);
	return got == CHECK_RECEIVED &&
	       (!v.row || !v.nproblems || check_fail(c, "%s", v.problems[0].msg));
}

static bool fail_by_size(struct check *c, const struct check_reply *r)
{
	return check_fail(c, "a reply has %u bytes, more than the maximum of %u",
			  r->hdr.size, RELAY_MAX_PAYLOAD);
}

bool check_reply(struct check *c, uint32_t number, struct check_reply *reply)
{
	const char *name = vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, number);

	enum check_received got = check_receive(c, reply);
	bool fine = take_reply(c, reply, got);

	switch (got) {
	case CHECK_RECEIVED_END:
		return check_fail(c, "the back-end has closed instead of replying to %s", name);
	case CHECK_RECEIVED_NOTHING:
		return check_fail(c, "no reply to %s within %" PRIu64 " ms", name,
				  c->timeout_ms);
	case CHECK_RECEIVED_INVALID:
		return fail_by_size(c, reply);
	case CHECK_RECEIVED:
		break;
	}
	return fine &&
	       check_that(c, reply->hdr.request == number,
			  "the reply to %s has the number %u", name,
			  reply->hdr.request);
}

/* ----------------------------------------------------------------- requests */

static bool reply_word(struct check *c, uint32_t number, uint64_t *word)
{
	struct check_reply reply;

	if (!check_reply(c, number, &reply) ||
	    !check_that(c, reply.hdr.size == sizeof(*word), "%u bytes are not a u64",
			reply.hdr.size))
		return false;
	memcpy(word, reply.payload, sizeof(*word));
	return true;
}

bool check_get(struct check *c, uint32_t number, uint64_t *word)
{
	return check_send(c, number, VHOST_USER_HDR_VERSION, NULL, 0, NULL, 0) &&
	       reply_word(c, number, word);
}

bool check_set(struct check *c, uint32_t number, uint64_t word)
{
	return check_send(c, number, VHOST_USER_HDR_VERSION, &word, sizeof(word),
			  NULL, 0);
}

bool check_acked(struct check *c, uint32_t number, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds)
{
	uint64_t result;

	return check_send(c, number, NEED, payload, size, fds, nfds) &&
	       reply_word(c, number, &result) &&
	       check_that(c, result == 0, "the request was refused");
}

bool check_acked_plain(struct check *c, uint32_t number, const void *payload,
		       uint32_t size)
{
	return check_acked(c, number, payload, size, NULL, 0);
}

bool check_refused(struct check *c, uint32_t number, const void *payload,
		   uint32_t size, const int *fds, unsigned int nfds)
{
	struct check_reply reply;
	enum check_received got;
	uint64_t result = 0;

	if (!check_send(c, number, NEED, payload, size, fds, nfds))
		return false;
	got = check_receive(c, &reply);
	(void)take_reply(c, &reply, got);
	switch (got) {
	case CHECK_RECEIVED_END:
		check_disconnect(c);
		return true;
	case CHECK_RECEIVED_NOTHING:
		return check_fail(c, "no reply within %" PRIu64 " ms, and no end",
				  c->timeout_ms);
	case CHECK_RECEIVED_INVALID:
		return fail_by_size(c, &reply);
	case CHECK_RECEIVED:
		break;
	}
	memcpy(&result, reply.payload, sizeof(result));
	return check_that(c, reply.hdr.size == sizeof(result) && result != 0,
			  "the request was not refused");
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

void check_await(struct check *c, uint32_t number, const void *payload, uint32_t size)
{
	struct check_reply reply;
	struct verdict ignored;

	if (send_message(c, number, VHOST_USER_HDR_VERSION, payload, size, NULL, 0))
		log_reply(c, &reply, check_receive(c, &reply), &ignored);
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

void check_survives_request(struct check *c, uint32_t number, const void *payload,
			    uint32_t size, const int *fds, unsigned int nfds)
{
	if (!check_send(c, number, VHOST_USER_HDR_VERSION, payload, size, fds, nfds))
		return;
	check_await(c, VHOST_USER_GET_FEATURES, NULL, 0);
	(void)check_survives(c);
}
