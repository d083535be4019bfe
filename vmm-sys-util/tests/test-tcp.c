/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about TCP sockets on the loopback interface, and hosts, whose name server is this file. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "tcp_priv.h"
#include "util.h"

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out);

static int answer;		/* an eventfd: the name server answers */
static unsigned int lookups;	/* atomic */
static unsigned int ended;	/* atomic */

/* "twice" has two addresses, of which the first one refuses. */
static int look_up_twice(const char *port, struct addrinfo **out)
{
	const struct addrinfo stream = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *first;

	if (__real_getaddrinfo("127.0.0.1", "1", &stream, &first) || __real_getaddrinfo("127.0.0.1", port, &stream, out))
		return EAI_FAIL;
	first->ai_next = *out;
	*out = first;
	return 0;
}

/* Each other name is that of the loopback address, except "nowhere". */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out)
{
	struct pollfd p = { .fd = answer, .events = POLLIN };
	int rc;

	if (hints->ai_flags & AI_NUMERICHOST)
		return __real_getaddrinfo(host, port, hints, out);
	if (!strcmp(host, "twice"))
		return look_up_twice(port, out);
	__atomic_add_fetch(&lookups, 1, __ATOMIC_ACQ_REL);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	rc = strcmp(host, "nowhere") ? __real_getaddrinfo("127.0.0.1", port, hints, out) : EAI_NONAME;
	__atomic_add_fetch(&ended, 1, __ATOMIC_ACQ_REL);
	return rc;
}

static struct vsu_tcp_wait patience;
static struct vsu_error err;
static struct addrinfo *list;
static int sock, listener, peer;
static char address[64];

static void setup(void)
{
	patience = (struct vsu_tcp_wait){ .cancel_fd = -1 };
	sock = listener = peer = -1;
	vsu_error_clear(&err);
	list = NULL;
	lookups = ended = 0;
	answer = vsu_event_new();
	ck_assert_int_ge(answer, 0);
}

/* A thread that nothing waits for ends by itself. */
static void teardown(void)
{
	vsu_event_signal(answer);
	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) < __atomic_load_n(&lookups, __ATOMIC_ACQUIRE))
		poll(NULL, 0, 1);
	if (list)
		freeaddrinfo(list);
	close(answer);
	vsu_fd_close(&sock);
	vsu_fd_close(&listener);
	vsu_fd_close(&peer);
}

static int look_up(const char *host, bool passive)
{
	return vsu_priv_tcp_look_up(host, "4444", passive, &patience, &list, &err);
}

static const struct {
	const char *host;
	int family;
} numbers[] = {
	{ "127.0.0.1", AF_INET }, { "::1", AF_INET6 }, { "192.0.2.1", AF_INET },
};

START_TEST(numeric_address_needs_no_name_server)
{
	ck_assert_msg(!look_up(numbers[_i].host, false), "%s", err.msg);
	ck_assert_int_eq(list->ai_family, numbers[_i].family);
	ck_assert_uint_eq(lookups, 0);
}
END_TEST

START_TEST(listener_without_a_host_needs_no_name_server)
{
	ck_assert_msg(!look_up("", true), "%s", err.msg);
	ck_assert_uint_eq(lookups, 0);
}
END_TEST

START_TEST(name_is_looked_up)
{
	vsu_event_signal(answer);
	ck_assert_msg(!look_up("somewhere", false), "%s", err.msg);
	ck_assert_int_eq(list->ai_family, AF_INET);
	ck_assert_uint_eq(lookups, 1);
}
END_TEST

START_TEST(unknown_name_is_refused_by_name)
{
	vsu_event_signal(answer);
	ck_assert_int_eq(look_up("nowhere", false), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "'nowhere'"));
}
END_TEST

START_TEST(e2_40_lookup_that_hangs_ends_when_cancelled)
{
	patience.cancel_fd = vsu_event_new();
	vsu_event_signal(patience.cancel_fd);
	ck_assert_int_eq(look_up("somewhere", false), -ECANCELED);
	close(patience.cancel_fd);
}
END_TEST

START_TEST(e2_40_lookup_that_hangs_ends_at_the_deadline)
{
	patience.deadline_ns = vsu_now_ns();
	ck_assert_int_eq(look_up("somewhere", false), -ETIMEDOUT);
	ck_assert_str_eq(err.msg, "'somewhere': the name server does not answer; use the numeric address");
}
END_TEST

/* Listens at a free port; its address is that of a host with this name. */
static void listen_as(const char *host)
{
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	listener = vsu_tcp_listen("127.0.0.1:0", 1, &err);
	ck_assert_msg(listener >= 0, "%s", err.msg);
	ck_assert_int_eq(getsockname(listener, (void *)&own, &len), 0);
	snprintf(address, sizeof(address), "%s:%u", host, ntohs(own.sin_port));
}

static int option_of(int fd, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
	return value;
}

static void ck_flags(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(option_of(fd, SO_KEEPALIVE), 1);
}

static int connect_there(const char *where)
{
	return sock = vsu_tcp_connect(where, &patience, &err);
}

/* ------------------------------------------------------------------- addresses */

static const struct { const char *text, *host, *port; } split[] = {
	{ "host:1", "host", "1" }, { "[::1]:22", "::1", "22" }, { "::1:3", "::1", "3" }, { ":4", "", "4" },
	{ "[::1:5", "[::1", "5" }, { "::1]:6", "::1]", "6" }, { "[:7", "[", "7" }, { "[]:8", "", "8" },
	{ "host:name", "host", "name" },
};

START_TEST(address_is_split_at_its_last_colon)
{
	char text[32], *host, *port;

	strcpy(text, split[_i].text);
	ck_assert_int_eq(vsu_tcp_split(text, &host, &port), 0);
	ck_assert_str_eq(host, split[_i].host);
	ck_assert_str_eq(port, split[_i].port);
}
END_TEST

static const char *const portless[] = { "host", "host:", "", ":" };

START_TEST(address_without_a_port_is_refused)
{
	char text[32], *host, *port;

	strcpy(text, portless[_i]);
	ck_assert_int_eq(vsu_tcp_split(text, &host, &port), -EINVAL);
	snprintf(text, sizeof(text), "'%s' is not HOST:PORT", portless[_i]);
	ck_assert_int_eq(vsu_tcp_connect(portless[_i], &patience, &err), -EINVAL);
	ck_assert_str_eq(err.msg, text);
	ck_assert_int_eq(vsu_tcp_listen(portless[_i], 1, &err), -EINVAL);
}
END_TEST

/* ------------------------------------------------------------------ connections */

START_TEST(connection_carries_bytes)
{
	char byte = 0;

	listen_as(_i ? "twice" : "127.0.0.1");
	ck_assert_msg(connect_there(address) >= 0, "%s", err.msg);
	ck_flags(listener);
	ck_flags(sock);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	ck_assert_int_eq(write(sock, "x", 1), 1);
	ck_assert_int_eq(read(peer, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
}
END_TEST

START_TEST(refused_connection_is_reported)
{
	listen_as("127.0.0.1");
	vsu_fd_close(&listener);
	ck_assert_int_eq(connect_there(address), -ECONNREFUSED);
	ck_assert_str_eq(err.msg, "cannot connect: Connection refused");
}
END_TEST

START_TEST(unknown_name_is_refused)
{
	vsu_event_signal(answer);
	ck_assert_int_eq(connect_there("nowhere:1"), -ENOENT);
	ck_assert_int_eq(vsu_tcp_listen("127.0.0.1:no-such-service", 1, &err), -ENOENT);
}
END_TEST

START_TEST(port_in_use_cannot_be_listened_at)
{
	listen_as("127.0.0.1");
	ck_assert_int_eq(option_of(listener, SO_REUSEADDR), 1);
	ck_assert_int_eq(option_of(listener, SO_ACCEPTCONN), 1);
	ck_assert_int_eq(vsu_tcp_listen(address, 1, &err), -EADDRINUSE);
	ck_assert_str_eq(err.msg, "cannot listen: Address already in use");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tcp");
	TCase *tc = tcase_create("tcp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, numeric_address_needs_no_name_server, 0, sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_test(tc, listener_without_a_host_needs_no_name_server);
	tcase_add_test(tc, name_is_looked_up);
	tcase_add_test(tc, unknown_name_is_refused_by_name);
	tcase_add_test(tc, e2_40_lookup_that_hangs_ends_when_cancelled);
	tcase_add_test(tc, e2_40_lookup_that_hangs_ends_at_the_deadline);
	tcase_add_loop_test(tc, address_is_split_at_its_last_colon, 0, sizeof(split) / sizeof(split[0]));
	tcase_add_loop_test(tc, address_without_a_port_is_refused, 0, sizeof(portless) / sizeof(portless[0]));
	tcase_add_loop_test(tc, connection_carries_bytes, 0, 2);
	tcase_add_test(tc, refused_connection_is_reported);
	tcase_add_test(tc, unknown_name_is_refused);
	tcase_add_test(tc, port_in_use_cannot_be_listened_at);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
