/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about TCP sockets of a migration, on the loopback interface. */
#include <config.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>
#include <vmm-sys-util/tcp.h>

#include "../util.h"
#include "migration/address.h"

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

/* Listens at a free port. */
static void listen_here(void)
{
	struct sockaddr_in own;
	socklen_t len = sizeof(own);

	listener = vsu_tcp_listen("127.0.0.1:0", 1, &err);
	ck_assert_msg(listener >= 0, "%s", err.msg);
	ck_assert_int_eq(getsockname(listener, (void *)&own, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(own.sin_port));
}

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
	listen_here();
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

START_TEST(program_without_network_does_not_connect)
{
	listen_here();
	s.no_network = "no network here";
	assert_refused(vmm_tcp_connect(address, &s, &err), -ENETUNREACH, "no network here", err);
	ck_assert_int_lt(s.fd, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("migration");
	TCase *tc = tcase_create("tcp");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, passed_socket_is_one_connection_and_passes_files_if_it_is_a_unix_one, 0, 2);
	tcase_add_test(tc, program_without_network_does_not_connect);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
