/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about TCP sockets of a migration, on the loopback interface. */
#include <config.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../util.h"
#include "migration/address.h"
#include "migration/tcp.h"

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out);

/* "twice" has two addresses, of which the first one refuses. */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out)
{
	struct addrinfo *first;

	if ((hints->ai_flags & AI_NUMERICHOST) || strcmp(host, "twice") != 0)
		return __real_getaddrinfo(host, port, hints, out);
	if (__real_getaddrinfo("127.0.0.1", "1", hints, &first) || __real_getaddrinfo("127.0.0.1", port, hints, out))
		return EAI_FAIL;
	first->ai_next = *out;
	*out = first;
	return 0;
}

static struct vmm_stream s;
static struct vsu_error err;
static int listener, peer;
static char address[64];

static void setup(void)
{
	vmm_stream_init(&s);
	vsu_error_clear(&err);
	listener = peer = -1;
}

static void teardown(void)
{
	vmm_stream_close(&s);
	vsu_fd_close(&listener);
	vsu_fd_close(&peer);
}

/* Listens at a free port; its address is that of a host with this name. */
static void listen_as(const char *host)
{
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	listener = vmm_tcp_listen("127.0.0.1:0", 1, &err);
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
	ck_assert_int_eq(vmm_tcp_split(text, &host, &port), 0);
	ck_assert_str_eq(host, split[_i].host);
	ck_assert_str_eq(port, split[_i].port);
}
END_TEST

static const char *const portless[] = { "host", "host:", "", ":" };

START_TEST(address_without_a_port_is_refused)
{
	char text[32], *host, *port;

	strcpy(text, portless[_i]);
	ck_assert_int_eq(vmm_tcp_split(text, &host, &port), -EINVAL);
	snprintf(text, sizeof(text), "'%s' is not HOST:PORT", portless[_i]);
	assert_refused(vmm_tcp_connect(portless[_i], &s, &err), -EINVAL, text, err);
	assert_refused(vmm_tcp_listen(portless[_i], 1, &err), -EINVAL, text, err);
}
END_TEST

/* ------------------------------------------------------------------ connections */

START_TEST(connection_carries_bytes)
{
	char byte = 0;

	listen_as(_i ? "twice" : "127.0.0.1");
	ck_assert_msg(!vmm_tcp_connect(address, &s, &err), "%s", err.msg);
	ck_flags(listener);
	ck_flags(s.fd);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	ck_assert_int_eq(write(s.fd, "x", 1), 1);
	ck_assert_int_eq(read(peer, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
}
END_TEST

/* A socket that another process passed, as number fd. */
static int accept_passed(int fd, struct vmm_listener *l)
{
	static char text[32];

	memset(l, 0, sizeof(*l));
	snprintf(text, sizeof(text), "fd:%d", fd);
	ck_assert_int_eq(vmm_address_listen(text, l, &err), 0);
	return vmm_address_accept(l, &s, &err);
}

START_TEST(passed_socket_is_one_connection_and_passes_files_if_it_is_a_unix_one)
{
	struct vmm_stream again;
	struct vmm_listener l;
	int pair[2];

	vmm_stream_init(&again);
	listen_as("127.0.0.1");
	ck_assert_int_eq(_i ? vsu_sock_pair(pair) : 0, 0);
	if (_i) {
		peer = pair[1];
		ck_assert_msg(!accept_passed(pair[0], &l), "%s", err.msg);
	} else {
		ck_assert_msg(!vmm_tcp_connect(address, &again, &err), "%s", err.msg);
		ck_assert_msg(!accept_passed(again.fd, &l), "%s", err.msg);
		again.fd = -1;
	}
	ck_assert_int_eq(s.has_fds, _i);
	ck_assert_int_eq(vmm_address_accept(&l, &again, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "fd: supports only one connection"));
	vmm_address_unlisten(&l, NULL);
	if (_i && s.fd != pair[0])
		close(pair[0]);
}
END_TEST

START_TEST(refused_connection_is_reported)
{
	listen_as("127.0.0.1");
	vsu_fd_close(&listener);
	assert_refused(vmm_tcp_connect(address, &s, &err), -ECONNREFUSED, "cannot connect: Connection refused", err);
}
END_TEST

START_TEST(program_without_network_does_not_connect)
{
	listen_as("127.0.0.1");
	s.no_network = "no network here";
	assert_refused(vmm_tcp_connect(address, &s, &err), -ENETUNREACH, "no network here", err);
	ck_assert_int_lt(s.fd, 0);
}
END_TEST

START_TEST(unknown_name_is_refused)
{
	ck_assert_int_eq(vmm_tcp_connect("[127.0.0.1.1]:1", &s, &err), -ENOENT);
	ck_assert_int_lt(s.fd, 0);
	ck_assert_int_eq(vmm_tcp_listen("127.0.0.1:no-such-service", 1, &err), -ENOENT);
}
END_TEST


START_TEST(port_in_use_cannot_be_listened_at)
{
	listen_as("127.0.0.1");
	ck_assert_int_eq(option_of(listener, SO_REUSEADDR), 1);
	ck_assert_int_eq(option_of(listener, SO_ACCEPTCONN), 1);
	assert_refused(vmm_tcp_listen(address, 1, &err), -EADDRINUSE, "cannot listen: Address already in use", err);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migration");
	TCase *tc = tcase_create("tcp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, address_is_split_at_its_last_colon, 0, COUNT(split));
	tcase_add_loop_test(tc, address_without_a_port_is_refused, 0, COUNT(portless));
	tcase_add_loop_test(tc, connection_carries_bytes, 0, 2);
	tcase_add_loop_test(tc, passed_socket_is_one_connection_and_passes_files_if_it_is_a_unix_one, 0, 2);
	tcase_add_test(tc, refused_connection_is_reported);
	tcase_add_test(tc, program_without_network_does_not_connect);
	tcase_add_test(tc, unknown_name_is_refused);
	tcase_add_test(tc, port_in_use_cannot_be_listened_at);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
