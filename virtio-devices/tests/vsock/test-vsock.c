/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the socket device: both directions, shutdown, and credit. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/ids.h>
#include <vmm-sys-util/endian.h>

#include "../image.h"
#include "../suite.h"
#include "vsock-rig.h"

static const uint64_t formats[] = {
	0, VQ_F_RING_PACKED, VQ_F_EVENT_IDX, VQ_F_RING_PACKED | VQ_F_EVENT_IDX,
};
static const struct virtdev_vsock_config plain;

static void setup(void)
{
	vsock_init(&plain, 0);
}

/* ------------------------------------------------------------- both directions */

START_TEST(device_has_its_id_and_queues)
{
	struct vsu_le64 cid = { 0 };
	struct vsu_le32 high = { 7 };

	vsock_init(&plain, 0);
	virtdev_config_read(rig.dev, 0, &cid, 8);
	ck_assert_uint_eq(vsu_le64_load(cid), GUEST_CID);
	virtdev_config_read(rig.dev, 4, &high, 4);
	ck_assert_uint_eq(vsu_le32_load(high), 0);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->id, VIRTDEV_ID_SOCKET);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->nqueues, 3);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->config_size, 8);
	ck_assert_int_eq(virtdev_queue_host_fd(rig.dev, 2), -1);
	vsock_fini();
}
END_TEST

START_TEST(client_connects_to_a_port_of_the_guest)
{
	uint32_t port;
	int fd;

	vsock_init(&plain, formats[_i]);
	fd = client_make("CONNECT 1234\n");
	port = client_open(fd, 1234);
	ck_assert_uint_ge(port, 1u << 30);
	client_write(fd, "hello guest");
	vsock_expect_data("hello guest");
	vsock_send_data(1234, port, "hello host");
	client_expect(fd, "hello host");
	close(fd);
	vsock_fini();
}
END_TEST

START_TEST(guest_connects_to_a_server_on_the_host)
{
	int listener, fd;

	vsock_init(&plain, formats[_i]);
	listener = server_make(52);
	fd = guest_open(listener, 900, 52);
	vsock_send_data(900, 52, "hello host");
	client_expect(fd, "hello host");
	client_write(fd, "hello guest");
	vsock_expect_data("hello guest");
	close(fd);
	close(listener);
	vsock_fini();
}
END_TEST

START_TEST(bytes_after_the_connect_line_are_sent_to_the_guest)
{
	int fd = client_make("CONNECT 7\nat once");

	client_open(fd, 7);
	vsock_expect_data("at once");
	close(fd);
}
END_TEST

START_TEST(connect_line_may_arrive_in_pieces)
{
	int fd = client_make("CONN");

	client_write(fd, "ECT 1");
	vsock_expect_none();
	client_write(fd, "9\n");
	client_open(fd, 19);
	close(fd);
}
END_TEST

static const char *const bad_greetings[] = {
	"HELLO\n", "CONNECT\n", "CONNECT \n", "CONNECT -1\n", "CONNECT 4294967295\n",
	"CONNECT 99999999999999999999\n", "CONNECT 1 2\n", "\n", "connect 5\n",
	"CONNECT 00000000000000000000000000000000000000001\n",
};
START_TEST(invalid_connect_line_ends_the_connection)
{
	int fd = client_make(bad_greetings[_i]);
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
	vsock_expect_none();
	close(fd);
}
END_TEST

START_TEST(refused_guest_port_ends_the_clients_connection)
{
	int fd = client_make("CONNECT 5\n");
	struct packet p = vsock_expect(OP_REQUEST);

	vsock_send(OP_RST, 5, p.src_port);
	client_expect(fd, "");
	vsock_expect_none();
	close(fd);
}
END_TEST

START_TEST(unserved_host_port_is_reset)
{
	struct packet p;

	vsock_send(OP_REQUEST, 900, 52);
	p = vsock_expect(OP_RST);
	ck_assert_uint_eq(p.src_port, 52);
	ck_assert_uint_eq(p.dst_port, 900);
	ck_assert_uint_eq(p.src_cid, 2);
}
END_TEST

START_TEST(two_clients_have_separate_ports)
{
	int a = client_make("CONNECT 5\n"), b;
	uint32_t pa = client_open(a, 5), pb;

	b = client_make("CONNECT 5\n");
	pb = client_open(b, 5);
	ck_assert_uint_ne(pa, pb);
	vsock_send_data(5, pb, "to b");
	client_expect_none(a);
	client_expect(b, "to b");
	close(a);
	close(b);
}
END_TEST

/* ------------------------------------------------------------------------ ends */

static void guest_shuts(uint32_t port, uint32_t flags)
{
	struct packet p = packet_make(OP_SHUTDOWN, 5, port);

	p.flags = flags;
	vsock_send_as(&p, 0, true);
}

START_TEST(a7_10_client_shutdown_ends_one_direction)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	client_write(fd, "last words");
	shutdown(fd, SHUT_WR);
	vsock_pump();
	vsock_expect_data("last words");
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_SEND);
	vsock_send_data(5, port, "an answer");
	client_expect(fd, "an answer");
	close(fd);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
	vsock_send(OP_RST, 5, port);
	vsock_expect_none();
}
END_TEST

/* The guest detects that with its next bytes, which are lost; it still receives. */
START_TEST(a7_10_client_that_stops_reading_ends_the_other_direction)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	client_write(fd, "before");
	shutdown(fd, SHUT_RD);
	vsock_pump();
	vsock_expect_data("before");
	vsock_send_data(5, port, "lost");
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_RECEIVE);
	client_write(fd, "after");
	vsock_pump();
	vsock_expect_data("after");
	vsock_send_data(5, port, "lost, too");	/* counts as forwarded */
	vsock_send(OP_CREDIT, 5, port);
	ck_assert_uint_eq(vsock_expect(OP_UPDATE).fwd_cnt, 4 + 9);
	close(fd);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
}
END_TEST

START_TEST(a7_10_client_that_stops_both_directions_ends_the_connection)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	shutdown(fd, SHUT_WR);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_SEND);
	shutdown(fd, SHUT_RD);
	vsock_pump();
	vsock_send_data(5, port, "lost");
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
	vsock_send(OP_RST, 5, port);
	vsock_expect_none();
	close(fd);
}
END_TEST

START_TEST(a7_10_guest_shutdown_ends_one_direction)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	vsock_send_data(5, port, "last words");
	guest_shuts(port, SHUT_SEND);
	client_expect(fd, "last words");
	client_expect(fd, "");
	client_write(fd, "an answer");
	vsock_expect_data("an answer");
	shutdown(fd, SHUT_WR);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
	vsock_send(OP_RST, 5, port);
	vsock_expect_none();
	close(fd);
}
END_TEST

START_TEST(a7_10_data_after_the_guests_shutdown_resets_the_connection)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	guest_shuts(port, SHUT_SEND);
	vsock_send_data(5, port, "afterthought");
	vsock_expect(OP_RST);
	client_expect(fd, "");
	close(fd);
}
END_TEST

START_TEST(guest_receive_shutdown_stops_the_client)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	guest_shuts(port, SHUT_RECEIVE);
	ck_assert_int_lt(send(fd, "x", 1, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(errno, EPIPE);
	vsock_send_data(5, port, "still");
	client_expect(fd, "still");
	close(fd);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
}
END_TEST

START_TEST(guest_close_is_reset_and_ends_the_client)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	vsock_send_data(5, port, "bye");
	guest_shuts(port, SHUT_BOTH);
	vsock_expect(OP_RST);
	vsock_expect_none();
	client_expect(fd, "bye");
	client_expect(fd, "");
	close(fd);
}
END_TEST

START_TEST(client_close_with_unread_bytes_resets_the_connection)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	vsock_send_data(5, port, "unread");
	close(fd);
	vsock_pump();
	vsock_expect(OP_RST);
	vsock_expect_none();
}
END_TEST

START_TEST(bytes_sent_with_a_shutdown_are_delivered)
{
	int fd = client_make("CONNECT 5\n");

	client_open(fd, 5);
	ck_assert_int_eq(send(fd, "all of it", 9, 0), 9);
	close(fd);
	vsock_pump();
	vsock_expect_data("all of it");
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
}
END_TEST

START_TEST(guest_reset_ends_the_clients_connection)
{
	int fd = client_make("CONNECT 5\n");
	uint32_t port = client_open(fd, 5);

	vsock_send(OP_RST, 5, port);
	client_expect(fd, "");
	vsock_expect_none();
	close(fd);
}
END_TEST

START_TEST(device_reset_drops_connections_and_keeps_the_listener)
{
	int fd = client_make("CONNECT 5\n"), again;
	uint32_t port = client_open(fd, 5);

	vsock_stop();
	virtdev_reset(rig.dev);
	vsock_start();
	client_expect(fd, "");
	vsock_send_data(5, port, "who?");
	vsock_expect(OP_RST);
	again = client_make("CONNECT 6\n");
	client_open(again, 6);
	close(again);
	close(fd);
}
END_TEST

START_TEST(freed_device_ends_its_connections)
{
	int fd = client_make("CONNECT 5\n");

	client_open(fd, 5);
	vsock_fini();
	client_expect(fd, "");
	close(fd);
	setup();	/* for the end of the test */
}
END_TEST

/* ------------------------------------------------------------------------ time */

/* Longer than earlier steps of a test take on a slow machine. */
static const struct virtdev_vsock_config hasty = { .timeout_ms = 1000 };

static void setup_hasty(void)
{
	vsock_init(&hasty, 0);
}

START_TEST(silent_client_is_closed_at_its_time_out)
{
	int fd = client_make("");
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, 1) == 0)
		vsock_pump();
	client_expect(fd, "");
	close(fd);
}
END_TEST

START_TEST(unanswered_request_is_reset_at_its_time_out)
{
	int fd = client_make("CONNECT 5\n");

	vsock_expect(OP_REQUEST);
	vsock_wait(OP_RST);
	client_expect(fd, "");
	close(fd);
}
END_TEST

START_TEST(unanswered_shutdown_is_reset_at_its_time_out)
{
	int listener = server_make(52), fd = guest_open(listener, 9, 52);

	close(fd);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
	vsock_wait(OP_RST);
	close(listener);
}
END_TEST

/* ---------------------------------------------------------------------- credit */

static unsigned char pattern(uint64_t at)
{
	return (unsigned char)(at * 7 + at / 251);
}

/* Sends a packet with len bytes of the pattern. */
static void send_pattern(uint32_t guest_port, uint32_t host_port, uint64_t at,
			 uint32_t len)
{
	struct packet p = packet_make(OP_RW, guest_port, host_port);
	unsigned char *bytes = guest_at(&rig.g, TX_AT + 64);
	uint32_t i;

	p.len = len;
	for (i = 0; i < len; i++)
		bytes[i] = pattern(at + i);
	vsock_send_as(&p, len, at % 2);
}

/*
 * Reads the pattern from AT on, as far as it was received; returns the number
 * of bytes.
 */
static uint64_t read_pattern(int fd, uint64_t at)
{
	unsigned char buf[4096];
	uint64_t before = at;
	bool wrong = false;
	ssize_t n, i;

	/* An assertion per byte would cost a system call each. */
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		for (i = 0; i < n; i++)
			wrong |= buf[i] != pattern(at++);
	ck_assert(!wrong);
	return at - before;
}

/* Credit after the last update, or known if there was none. */
static uint32_t credit_news(uint64_t sent, uint32_t known)
{
	struct packet p;

	while (vsock_receive(&p)) {
		ck_assert_uint_eq(p.op, OP_UPDATE);
		known = p.buf_alloc - ((uint32_t)sent - p.fwd_cnt);
	}
	return known;
}

START_TEST(a7_12_guest_that_obeys_its_credit_loses_no_byte)
{
	int listener = server_make(52), fd = guest_open(listener, 9, 52);
	uint64_t sent = 0, got = 0;
	uint32_t credit = 65536, len;
	const uint64_t total = under_valgrind() ? 1 << 18 : 8 << 20;

	while (got < total) {
		len = credit < 9001 ? credit : 9001;
		if (len) {
			send_pattern(9, 52, sent, len);
			sent += len;
			credit = credit_news(sent, credit - len);
			continue;
		}
		got += read_pattern(fd, got);
		vsock_pump();
		credit = credit_news(sent, 0);
	}
	close(fd);
	close(listener);
}
END_TEST

static size_t accepted;		/* bytes that the host's socket accepts at once; 0: all */

ssize_t __real_virtdev_priv_vsock_send(int fd, struct iovec *iov, int n);
ssize_t __wrap_virtdev_priv_vsock_send(int fd, struct iovec *iov, int n);

ssize_t __wrap_virtdev_priv_vsock_send(int fd, struct iovec *iov, int n)
{
	if (!accepted)
		return __real_virtdev_priv_vsock_send(fd, iov, n);
	if (iov->iov_len > accepted)
		iov->iov_len = accepted;
	return __real_virtdev_priv_vsock_send(fd, iov, 1);
}

START_TEST(rest_of_a_partly_accepted_packet_is_sent_later)
{
	int listener = server_make(52), fd = guest_open(listener, 900, 52);

	accepted = 4;
	vsock_send_data(900, 52, "hello host");
	vsock_send_data(900, 52, ", twice");
	vsock_pump();
	client_expect(fd, "hello host, twice");
	accepted = 0;
	vsock_send_data(900, 52, "and at once");
	client_expect(fd, "and at once");
	close(fd);
	close(listener);
}
END_TEST

START_TEST(a7_06_bytes_beyond_the_credit_reset_the_connection)
{
	int listener = server_make(52), fd = guest_open(listener, 9, 52);
	struct packet p = { .op = 0 };
	uint64_t sent = 0;

	while (!vsock_receive(&p) || p.op == OP_UPDATE) {
		ck_assert_uint_lt(sent, 64 << 20);
		send_pattern(9, 52, sent, 50000);
		sent += 50000;
	}
	ck_assert_uint_eq(p.op, OP_RST);
	ck_assert_uint_le(read_pattern(fd, 0), sent);
	vsock_expect_none();
	close(fd);
	close(listener);
}
END_TEST

START_TEST(credit_request_is_answered)
{
	int listener = server_make(52), fd = guest_open(listener, 9, 52);
	struct packet p;

	vsock_send_data(9, 52, "12345");
	vsock_send(OP_CREDIT, 9, 52);
	p = vsock_expect(OP_UPDATE);
	ck_assert_uint_eq(p.fwd_cnt, 5);
	ck_assert_uint_eq(p.buf_alloc, 65536);
	close(fd);
	close(listener);
}
END_TEST

START_TEST(guest_credit_is_obeyed_and_requested)
{
	int listener = server_make(52), fd;

	rig.buf_alloc = 10;
	fd = guest_open(listener, 9, 52);
	client_write(fd, "0123456789abcdefghij");
	vsock_expect_data("0123456789");
	vsock_expect(OP_CREDIT);
	vsock_expect_none();
	rig.fwd_cnt = 4;
	vsock_send(OP_UPDATE, 9, 52);
	vsock_expect_data("abcd");
	vsock_expect(OP_CREDIT);
	rig.buf_alloc = 100;
	vsock_send(OP_UPDATE, 9, 52);
	vsock_expect_data("efghij");
	vsock_expect_none();
	close(fd);
	close(listener);
}
END_TEST

START_TEST(guest_close_loses_no_unread_bytes)
{
	int listener = server_make(52), fd = guest_open(listener, 9, 52);
	struct packet p = packet_make(OP_SHUTDOWN, 9, 52);
	uint64_t sent = 0, got = 0;
	uint32_t credit = 65536;

	while (credit) {
		send_pattern(9, 52, sent, credit < 30000 ? credit : 30000);
		sent += credit < 30000 ? credit : 30000;
		credit = credit_news(sent, credit < 30000 ? 0 : credit - 30000);
	}
	p.flags = SHUT_BOTH;
	vsock_send_as(&p, 0, true);
	vsock_expect(OP_RST);
	while (got < sent) {
		got += read_pattern(fd, got);
		vsock_pump();
	}
	client_expect(fd, "");
	vsock_expect_none();
	close(fd);
	close(listener);
}
END_TEST

START_TEST(a7_11_bytes_wait_in_the_socket_without_guest_buffers)
{
	int listener = server_make(52), fd = guest_open(listener, 9, 52);
	unsigned int i;

	rig.rx_withheld = true;
	for (i = 0; i < RX_BUFFERS; i++) {
		client_write(fd, "x");
		vsock_expect_data("x");
	}
	client_write(fd, "one more");
	vsock_expect_none();
	/* no busy loop: the served queue waits for a kick */
	ck_assert_int_eq(virtdev_queue_serve(rig.dev, 0), 0);
	vsock_post_rx(1);
	vsock_pump();
	vsock_expect_data("one more");
	close(fd);
	close(listener);
}
END_TEST

/* ------------------------------------------------------------------ refusals */

static const struct {
	struct virtdev_vsock_config config;
	int code;
	const char *message;
} refusals[] = {
	{ { .size = 0 }, -EINVAL, "struct virtdev_vsock_config" },
	{ { .path = "v", .cid = 0 }, -EINVAL, "CID 0 is reserved" },
	{ { .path = "v", .cid = 1 }, -EINVAL, "CID 1 is reserved" },
	{ { .path = "v", .cid = 2 }, -EINVAL, "CID 2 is reserved" },
	{ { .path = "v", .cid = UINT32_MAX }, -EINVAL,
	  "CID 4294967295 is reserved" },
	{ { .path = "v", .cid = UINT64_C(1) << 32 }, -EINVAL, "is reserved" },
	{ { .cid = 3 }, -EINVAL, "no path" },
	{ { .path = "", .cid = 3 }, -EINVAL, "no path" },
	{ { .path = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456",
	    .cid = 3 }, -ENAMETOOLONG, "has 97 bytes" },
	{ { .path = "v", .cid = 3, .connections = 65537 }, -EINVAL,
	  "65537 connections" },
	{ { .path = "v", .cid = 3, .buffer = 100 }, -EINVAL,
	  "a buffer of 100 bytes" },
	{ { .path = "v", .cid = 3, .queue_size_max = 40000 }, -EINVAL,
	  "40000 entries" },
	{ { .path = "/nowhere/at/all", .cid = 3 }, -ENOENT, "/nowhere" },
};

START_TEST(e2_06_invalid_configuration_is_refused)
{
	struct virtdev_vsock_config config = refusals[_i].config;
	struct vsu_error err = VSU_ERROR_INIT;
	struct baseline before = baseline_take();
	struct virtdev *dev;

	if (_i)
		config.size = sizeof(config);
	ck_assert_int_eq(virtdev_vsock_new(&config, &dev, &err),
			 refusals[_i].code);
	ck_assert_msg(strstr(err.msg, refusals[_i].message), "%s", err.msg);
	baseline_check(before);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *add_case(Suite *s, const char *name, SFun before)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(s, tc);
	if (before)
		tcase_add_checked_fixture(tc, before, vsock_fini);
	return tc;
}

static void add_directions(Suite *s)
{
	TCase *tc = add_case(s, "formats", NULL);

	tcase_add_test(tc, device_has_its_id_and_queues);
	tcase_add_loop_test(tc, client_connects_to_a_port_of_the_guest, 0,
			    N(formats));
	tcase_add_loop_test(tc, guest_connects_to_a_server_on_the_host, 0,
			    N(formats));
	tcase_add_loop_test(tc, e2_06_invalid_configuration_is_refused, 0,
			    N(refusals));
	tc = add_case(s, "greetings", setup);
	tcase_add_test(tc, bytes_after_the_connect_line_are_sent_to_the_guest);
	tcase_add_test(tc, connect_line_may_arrive_in_pieces);
	tcase_add_loop_test(tc, invalid_connect_line_ends_the_connection, 0,
			    N(bad_greetings));
	tcase_add_test(tc,
		       refused_guest_port_ends_the_clients_connection);
	tcase_add_test(tc, unserved_host_port_is_reset);
	tcase_add_test(tc, two_clients_have_separate_ports);
}

static void add_ends(Suite *s)
{
	TCase *tc = add_case(s, "ends", setup);

	tcase_add_test(tc, a7_10_client_shutdown_ends_one_direction);
	tcase_add_test(tc, a7_10_client_that_stops_reading_ends_the_other_direction);
	tcase_add_test(tc, a7_10_client_that_stops_both_directions_ends_the_connection);
	tcase_add_test(tc, a7_10_guest_shutdown_ends_one_direction);
	tcase_add_test(tc,
		       a7_10_data_after_the_guests_shutdown_resets_the_connection);
	tcase_add_test(tc, guest_receive_shutdown_stops_the_client);
	tcase_add_test(tc,
		       guest_close_is_reset_and_ends_the_client);
	tcase_add_test(tc,
		       client_close_with_unread_bytes_resets_the_connection);
	tcase_add_test(tc, bytes_sent_with_a_shutdown_are_delivered);
	tcase_add_test(tc, guest_reset_ends_the_clients_connection);
	tcase_add_test(tc,
		       device_reset_drops_connections_and_keeps_the_listener);
	tcase_add_test(tc, freed_device_ends_its_connections);
	tc = add_case(s, "time", setup_hasty);
	tcase_add_test(tc, silent_client_is_closed_at_its_time_out);
	tcase_add_test(tc, unanswered_request_is_reset_at_its_time_out);
	tcase_add_test(tc,
		       unanswered_shutdown_is_reset_at_its_time_out);
}

static void add_credit(Suite *s)
{
	TCase *tc = add_case(s, "credit", setup);

	tcase_add_test(tc, a7_12_guest_that_obeys_its_credit_loses_no_byte);
	tcase_add_test(tc, rest_of_a_partly_accepted_packet_is_sent_later);
	tcase_add_test(tc, a7_06_bytes_beyond_the_credit_reset_the_connection);
	tcase_add_test(tc, credit_request_is_answered);
	tcase_add_test(tc, guest_credit_is_obeyed_and_requested);
	tcase_add_test(tc,
		       guest_close_loses_no_unread_bytes);
	tcase_add_test(tc,
		       a7_11_bytes_wait_in_the_socket_without_guest_buffers);
}

int main(void)
{
	Suite *s = suite_create("vsock");

	add_directions(s);
	add_ends(s);
	add_credit(s);
	return run_suite(s);
}
