/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the tool's session, with a back-end that sends more than anybody asked for. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../../../tests/support/suite.h"
#include "client/client.h"

#define REPLY (VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY)

static struct vsu_error err;

/* --------------------------------------------------------------------- peer */

struct word {
	struct vhost_user_header hdr;
	uint64_t value;
} __attribute__((packed));

static uint64_t word_of(uint32_t request)
{
	switch (request) {
	case VHOST_USER_GET_FEATURES:
		return VHOST_USER_F_PROTOCOL_FEATURES;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) | VHOST_USER_PROTOCOL_BIT(REPLY_ACK);
	case VHOST_USER_GET_QUEUE_NUM:
		return 1;
	default:
		return 0;
	}
}

/* Receives a message; returns its descriptor or -1. */
static int receive(int sock, struct word *m)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct iovec iov = { &m->hdr, sizeof(m->hdr) };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds;

	if (poll(&p, 1, -1) != 1 || vsu_sock_recv(sock, &iov, 1, fds, &nfds) != sizeof(m->hdr) ||
	    m->hdr.size > sizeof(m->value) ||
	    (m->hdr.size && read(sock, &m->value, m->hdr.size) != (ssize_t)m->hdr.size))
		_exit(1);
	return nfds ? fds[0] : -1;
}

/* Serves the handshake, which ends with SET_OWNER; returns the channel's descriptor. */
static int serve_handshake(int sock)
{
	uint32_t request;
	int got, fd = -1;
	struct word m;

	do {
		got = receive(sock, &m);
		fd = got < 0 ? fd : got;
		request = m.hdr.request;
		if (!word_of(request) && !(m.hdr.flags & VHOST_USER_HDR_NEED_REPLY))
			continue;
		m.value = word_of(request);
		m.hdr.flags = REPLY;
		m.hdr.size = sizeof(m.value);
		if (write(sock, &m, sizeof(m)) != sizeof(m))
			_exit(1);
	} while (request != VHOST_USER_SET_OWNER);
	return fd;
}

/* Returns the number of requests that fit into the channel, which nobody reads. */
static unsigned int flood(int channel)
{
	struct vhost_user_header request = { VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, VHOST_USER_HDR_VERSION, 0 };
	struct iovec iov = { &request, sizeof(request) };
	unsigned int n = 0;

	while (vsu_sock_send(channel, &iov, 1, NULL, 0) == sizeof(request))
		n++;
	return n;
}

/* Floods the channel, reports the number of requests, and waits for the front-end's end. */
static void peer(int sock, int report)
{
	unsigned int n = flood(serve_handshake(sock));
	char byte;

	if (write(report, &n, sizeof(n)) != sizeof(n))
		_exit(1);
	while (read(sock, &byte, 1) > 0)
		;
	_exit(0);
}

/* -------------------------------------------------------------------- tests */

START_TEST(flood_of_requests_does_not_hold_a_wait)
{
	struct pollfd p = { .events = POLLIN };
	int socks[2], report[2], status;
	struct client c;
	unsigned int n;
	bool late;
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	ck_assert_int_eq(pipe(report), 0);
	pid = fork();
	if (pid == 0) {
		close(socks[0]);
		peer(socks[1], report[1]);
	}
	close(socks[1]);
	ck_assert_msg(client_open_take_fd(&c, "peer", socks[0], 0, &err) == VSU_EXIT_OK, "%s", err.msg);
	ck_assert_int_eq(read(report[0], &n, sizeof(n)), sizeof(n));
	ck_assert_uint_ge(n, 100);
	ck_assert_int_eq(client_poll(&c, NULL, 0, -1, &late, &err), VSU_EXIT_OK);
	p.fd = vhost_user_frontend_fd(c.fe);
	ck_assert_msg(poll(&p, 1, 0) == 1, "all of %u requests were served in one wait", n);
	client_close(&c);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_add_test(tc, flood_of_requests_does_not_hold_a_wait);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
