/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the socket device with a malicious guest. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <virtio-devices/device.h>

#include "../image.h"
#include "../suite.h"
#include "vsock-rig.h"

#define CONNECTIONS 64u

static const struct virtdev_vsock_config config = {
	.connections = CONNECTIONS,
};

static int listener, fd;	/* connection from port 9 to port 52 */
static struct baseline before;

static void setup(void)
{
	vsock_init(&config, 0);
	listener = server_make(52);
	before = baseline_take();
	fd = guest_open(listener, 9, 52);
}

static void teardown(void)
{
	close(fd);
	close(listener);
	vsock_fini();
}

/* The connection of setup still transfers bytes in both directions. */
static void ck_alive(void)
{
	vsock_send_data(9, 52, "to the host");
	client_expect(fd, "to the host");
	client_write(fd, "to the guest");
	vsock_expect_data("to the guest");
	vsock_expect_none();
}

static void ck_ended(void)
{
	struct packet p = vsock_expect(OP_RST);
	char byte;

	ck_assert_uint_eq(p.src_port, 52);
	ck_assert_uint_eq(p.dst_port, 9);
	ck_assert_int_le(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	vsock_expect_none();
	/* its slot, descriptor and backlog are free */
	close(fd);
	fd = guest_open(listener, 9, 52);
	ck_alive();
}

START_TEST(a7_01_packet_shorter_than_its_header_is_dropped)
{
	const struct vq_buffer buf = { TX_AT, 43, 0 };
	uint64_t cookie;
	uint32_t len;

	ck_assert_int_eq(vq_driver_add(rig.driver[1], &buf, 1, 1), 0);
	vq_driver_publish(rig.driver[1]);
	vsock_pump();
	ck_assert_int_eq(vq_driver_collect(rig.driver[1], &cookie, &len), 1);
	ck_assert_uint_eq(len, 0);
	ck_alive();
}
END_TEST

START_TEST(a7_01_header_and_payload_may_share_a_buffer)
{
	struct packet p = packet_make(OP_RW, 9, 52);

	p.len = 5;
	memcpy(guest_at(&rig.g, TX_AT + 64), "bytes", 5);
	vsock_send_as(&p, 5, true);
	client_expect(fd, "bytes");
	ck_alive();
}
END_TEST

START_TEST(a7_01_buffer_too_small_for_a_header_is_returned_empty)
{
	const struct vq_buffer buf = { GUEST_DATA, 43, 1 };
	struct packet p;
	uint64_t cookie;
	uint32_t len;
	unsigned int i;

	rig.rx_withheld = true;
	for (i = 0; i < RX_BUFFERS; i++) {
		client_write(fd, "x");
		ck_assert(vsock_receive(&p));
	}
	ck_assert_int_eq(vq_driver_add(rig.driver[0], &buf, 1, 0), 0);
	vq_driver_publish(rig.driver[0]);
	client_write(fd, "kept");
	ck_assert_int_eq(vq_driver_collect(rig.driver[0], &cookie, &len), 1);
	ck_assert_uint_eq(len, 0);
	vsock_post_rx(1);
	vsock_pump();
	vsock_expect_data("kept");
}
END_TEST

static const uint32_t lengths[] = { 6, 65537, UINT32_MAX };
START_TEST(a7_02_length_beyond_the_buffer_or_64_kib_resets_the_connection)
{
	struct packet p = packet_make(OP_RW, 9, 52);

	p.len = lengths[_i];
	vsock_send_as(&p, 5, _i % 2);
	ck_ended();
}
END_TEST

START_TEST(a7_03_packet_never_exceeds_the_buffer_of_the_guest)
{
	const struct vq_buffer buf = { GUEST_DATA, 44 + 10, 1 };
	struct packet p;
	unsigned int i;

	rig.rx_withheld = true;
	for (i = 0; i < RX_BUFFERS; i++) {
		client_write(fd, "x");
		ck_assert(vsock_receive(&p));
	}
	memset(guest_at(&rig.g, GUEST_DATA), 0xc5, 256);
	ck_assert_int_eq(vq_driver_add(rig.driver[0], &buf, 1, GUEST_DATA), 0);
	vq_driver_publish(rig.driver[0]);
	client_write(fd, "0123456789abcdef");
	vsock_expect_data("0123456789");
	ck_assert_uint_eq(*guest_at(&rig.g, GUEST_DATA + 54), 0xc5);
}
END_TEST

START_TEST(a7_04_packet_from_another_cid_is_ignored)
{
	struct packet p = packet_make(OP_REQUEST, 10, 52);

	p.src_cid = GUEST_CID + 1;
	vsock_send_as(&p, 0, true);
	p = packet_make(OP_RST, 9, 52);
	p.src_cid = UINT64_C(1) << 32 | GUEST_CID;
	vsock_send_as(&p, 0, true);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	vsock_expect_none();
	ck_alive();
}
END_TEST

static const uint64_t cids[] = { 0, 1, 3, GUEST_CID, UINT32_MAX,
				 UINT64_C(1) << 32 | 2, UINT64_MAX };
START_TEST(a7_04_packet_to_another_cid_is_reset)
{
	struct packet p = packet_make(OP_REQUEST, 10, 52);

	p.dst_cid = cids[_i];
	vsock_send_as(&p, 0, true);
	p = vsock_expect(OP_RST);
	ck_assert_uint_eq(p.src_cid, cids[_i]);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	ck_alive();
}
END_TEST

START_TEST(a7_04_unoffered_type_is_reset)
{
	struct packet p = packet_make(OP_REQUEST, 10, 52);

	p.type = 2;
	vsock_send_as(&p, 0, true);
	ck_assert_uint_eq(vsock_expect(OP_RST).type, 2);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	ck_alive();
}
END_TEST

static const uint16_t unknown[] = { 0, 8, 9, 255, 65535 };
START_TEST(a7_04_unknown_operation_resets_the_connection)
{
	vsock_send(unknown[_i], 9, 52);
	ck_ended();
}
END_TEST

START_TEST(a7_04_unknown_operation_creates_no_connection)
{
	vsock_send(unknown[_i], 10, 52);
	vsock_expect(OP_RST);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	ck_alive();
}
END_TEST

/* Prefix of the name of the sockets that the device connects for a guest. */
#define GUEST_NAME "virtio-vsock-guest-"

static int connect_as(const struct sockaddr_un *name, socklen_t len)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "v" };
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(client, (const struct sockaddr *)name, len), 0);
	ck_assert_int_eq(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
	client_write(client, "CONNECT 77\n");
	return client;
}

/* PATH_PORT of one VM may be the PATH of another one. */
START_TEST(a7_14_guest_of_another_vm_cannot_connect)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	char byte;
	int client;

	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&name, &len), 0);
	ck_assert_int_eq(name.sun_path[0], 0);
	ck_assert_mem_eq(name.sun_path + 1, GUEST_NAME, sizeof(GUEST_NAME) - 1);
	name.sun_path[sizeof(GUEST_NAME)] ^= 1;
	client = connect_as(&name, len);
	vsock_expect_none();
	errno = 0;
	ck_assert_int_le(recv(client, &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_ne(errno, EAGAIN);
	close(client);
}
END_TEST

/* socat and others can bind their sockets. */
START_TEST(clients_may_bind_their_sockets)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "client" };
	int client = connect_as(&name, sizeof(name));

	client_open(client, 77);
	close(client);
}
END_TEST

START_TEST(a7_05_packets_without_a_connection_are_reset)
{
	static const uint16_t ops[] = { OP_RESPONSE, OP_SHUTDOWN, OP_RW,
					OP_UPDATE, OP_CREDIT };
	unsigned int i;

	for_rows(i, sizeof(ops) / sizeof(ops[0])) {
		vsock_send(ops[i], 77, 52);
		vsock_expect(OP_RST);
	}
	vsock_send(OP_RST, 77, 52);
	vsock_expect_none();
	ck_alive();
}
END_TEST

START_TEST(a7_05_response_to_an_open_connection_resets_it)
{
	vsock_send(OP_RESPONSE, 9, 52);
	ck_ended();
}
END_TEST

START_TEST(a7_05_request_for_connected_ports_resets_them)
{
	vsock_send(OP_REQUEST, 9, 52);
	ck_ended();
}
END_TEST

START_TEST(a7_05_bytes_before_the_response_reset_the_connection)
{
	int client = client_make("CONNECT 5\n");
	struct packet p = vsock_expect(OP_REQUEST);

	vsock_send_data(5, p.src_port, "too early");
	vsock_expect(OP_RST);
	client_expect(client, "");
	close(client);
	ck_alive();
}
END_TEST

/* More replies are pending than fit; then the guest's packets wait as well. */
static uint32_t send_until_replies_wait(void)
{
	struct packet p = packet_make(OP_RW, 0, 52);
	uint32_t sent = 0;

	rig.rx_withheld = true;
	while (vq_driver_inflight(rig.driver[1]) < 40) {
		ck_assert_uint_lt(sent, 1000);
		p.src_port = 1000 + sent++;
		vsock_send_as(&p, 0, true);
	}
	ck_assert_uint_ge(sent, 256);
	rig.rx_withheld = false;
	return sent;
}

START_TEST(a7_05_replies_without_buffers_are_delayed_and_not_lost)
{
	const uint32_t sent = send_until_replies_wait();
	uint32_t answered = 0, len;
	struct packet got;
	uint64_t cookie;

	for (; answered < sent; answered++) {
		if (!vsock_receive(&got)) {
			vsock_post_rx(1);
			vsock_pump();
			ck_assert(vsock_receive(&got));
		}
		ck_assert_uint_eq(got.op, OP_RST);
		ck_assert_uint_eq(got.dst_port, 1000 + answered);
	}
	while (vq_driver_collect(rig.driver[1], &cookie, &len) == 1)
		;
	ck_assert_uint_eq(vq_driver_inflight(rig.driver[1]), 0);
	ck_alive();
}
END_TEST

/* Its descriptor would stay readable, and the queue would be served without end. */
START_TEST(a7_05_reset_while_packets_wait_leaves_an_idle_queue)
{
	struct pollfd room = { virtdev_queue_host_fd(rig.dev, 1), POLLIN, 0 };

	send_until_replies_wait();
	vsock_post_rx(1);
	ck_assert_int_ge(virtdev_queue_serve(rig.dev, 0), 0);
	ck_assert_int_eq(poll(&room, 1, 0), 1);
	vsock_stop();
	virtdev_reset(rig.dev);
	ck_assert_int_eq(poll(&room, 1, 0), 0);
	vsock_start();
}
END_TEST

/* Without buffers the guest receives the end later, the host at once. */
START_TEST(aborted_connection_ends_on_the_host_at_once)
{
	unsigned int i;

	rig.rx_withheld = true;
	for (i = 0; i < RX_BUFFERS; i++) {
		client_write(fd, "x");
		vsock_expect(OP_RW);
	}
	vsock_send(OP_CREDIT, 9, 52);
	vsock_send(OP_RESPONSE, 9, 52);	/* not legal in an open connection */
	client_expect(fd, "");
	rig.rx_withheld = false;
	vsock_post_rx(RX_BUFFERS);
	vsock_pump();
	vsock_expect(OP_RST);	/* and no credit update before it */
	vsock_expect_none();
}
END_TEST

START_TEST(a7_05_ten_thousand_resets_and_requests_leak_nothing)
{
	const unsigned int n = scaled(10000);
	unsigned int i;

	for (i = 0; i < n; i++) {
		vsock_send(OP_REQUEST, 5000 + i % 100, 53);
		vsock_expect(OP_RST);
		vsock_send(OP_RST, 5000 + i % 100, 53);
	}
	vsock_expect_none();
	ck_alive();
	ck_assert_int_eq(baseline_take().fds, before.fds + 2);
}
END_TEST

static const uint32_t rooms[] = { UINT32_MAX, 0x80000000, 1u << 30 };
START_TEST(a7_07_huge_credit_allocates_no_memory_on_the_host)
{
	static const char text[1024] = { 'x' };
	unsigned int i;
	struct packet p;

	rig.buf_alloc = rooms[_i];
	vsock_send(OP_UPDATE, 9, 52);
	rig.rx_withheld = true;
	for (i = 0; send(fd, text, sizeof(text), MSG_DONTWAIT) > 0; i++)
		vsock_pump();
	/* the rest remains in the socket, whose buffer is full */
	ck_assert_uint_lt(i, 2048);
	while (vsock_receive(&p))
		ck_assert_uint_eq(p.op, OP_RW);
}
END_TEST

static const uint32_t counts[] = { 1, 1000, 0x7fffffff };
START_TEST(a7_08_fwd_cnt_ahead_of_sent_bytes_resets_the_connection)
{
	rig.fwd_cnt = counts[_i];
	vsock_send(OP_UPDATE, 9, 52);
	rig.fwd_cnt = 0;
	ck_ended();
}
END_TEST

START_TEST(a7_08_decreasing_fwd_cnt_grants_no_credit)
{
	rig.buf_alloc = 8;
	vsock_send(OP_UPDATE, 9, 52);
	client_write(fd, "01234567abcdefgh");
	vsock_expect_data("01234567");
	vsock_expect(OP_CREDIT);
	rig.fwd_cnt = 8;
	vsock_send(OP_UPDATE, 9, 52);
	vsock_expect_data("abcdefgh");
	rig.fwd_cnt = 4;
	vsock_send(OP_UPDATE, 9, 52);
	client_write(fd, "more");
	vsock_expect(OP_CREDIT);
	vsock_expect_none();
}
END_TEST

START_TEST(a7_08_buf_alloc_below_unread_bytes_grants_no_credit)
{
	client_write(fd, "0123456789");
	vsock_expect_data("0123456789");
	rig.buf_alloc = 5;
	vsock_send(OP_UPDATE, 9, 52);
	client_write(fd, "abc");
	vsock_expect(OP_CREDIT);
	vsock_expect_none();
	rig.fwd_cnt = 10;
	vsock_send(OP_UPDATE, 9, 52);
	vsock_expect_data("abc");
}
END_TEST

/* The queue of the listener holds at least 16 connections. */
START_TEST(a7_09_connections_beyond_the_limit_are_reset)
{
	const unsigned int n = scaled(10000);
	int fds[CONNECTIONS];
	unsigned int i;

	for (i = 0; i < CONNECTIONS - 1; i++)
		fds[i] = guest_open(listener, 100 + i, 52);
	for (i = 0; i < n; i++) {
		vsock_send(OP_REQUEST, 10000 + i, 52);
		vsock_expect(OP_RST);
	}
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	/* both ends of each connection are in this process */
	ck_assert_int_eq(baseline_take().fds,
			 before.fds + 2 * (int)CONNECTIONS);
	ck_alive();
	vsock_send(OP_RST, 100, 52);
	close(fds[0]);
	fds[0] = guest_open(listener, 20000, 52);
	for (i = 0; i < CONNECTIONS - 1; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a7_09_clients_beyond_the_limit_wait)
{
	int fds[CONNECTIONS], last;
	unsigned int i;

	for (i = 0; i < CONNECTIONS - 1; i++)
		fds[i] = client_make("");
	last = client_make("CONNECT 5\n");
	vsock_expect_none();
	close(fds[7]);
	vsock_pump();
	client_open(last, 5);
	close(last);
	fds[7] = -1;
	for (i = 0; i < CONNECTIONS - 1; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a7_09_connections_without_free_descriptors_are_reset)
{
	struct rlimit was, none = { 0, 0 };
	int client;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none.rlim_max = was.rlim_max;
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	vsock_send(OP_REQUEST, 10, 52);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	vsock_expect(OP_RST);
	ck_alive();
	close(client);
}
END_TEST

START_TEST(a1_11_a1_12_buffers_outside_memory_are_dropped)
{
	const struct vq_buffer bad[][2] = {
		{ { GUEST_HOLE, 44, 0 }, { TX_AT, 16, 0 } },
		{ { TX_AT, 44, 0 }, { UINT64_MAX - 4, 16, 0 } },
	};
	const struct vq_buffer rx = { GUEST_ROM, 4096, 1 };
	uint64_t cookie;
	uint32_t len;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(vq_driver_add(rig.driver[1], bad[i], 2, i), 0);
		vq_driver_publish(rig.driver[1]);
		vsock_pump();
		ck_assert_int_eq(vq_driver_collect(rig.driver[1], &cookie,
						   &len), 1);
	}
	ck_assert_int_eq(vq_driver_add(rig.driver[0], &rx, 1, 1), 0);
	vq_driver_publish(rig.driver[0]);
	ck_alive();
}
END_TEST

START_TEST(a1_05_broken_ring_is_reported_once)
{
	const uint64_t avail = vq_driver_driver_gpa(rig.driver[0]) + 2;
	unsigned int i;

	*guest_at(&rig.g, avail + 1) = 0x7f;
	for (i = 0; i < RX_BUFFERS + 2; i++)
		client_write(fd, "x");
	ck_assert_uint_eq(rig.broken, 1);
}
END_TEST

/*
 * ------------------------------------------------ restored in another server
 */

static void *state;
static size_t state_len;

/* Saves and restores the device of a guest with or without a connection. */
static void move_device(bool connected)
{
	if (!connected) {
		vsock_send(OP_RST, 9, 52);
		vsock_expect_none();
	}
	vsock_stop();
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &state, &state_len, NULL),
			 0);
	virtdev_reset(rig.dev);
	ck_assert_int_eq(virtdev_state_load(rig.dev, state, state_len, NULL),
			 0);
	free(state);
	virtdev_resume(rig.dev);
	vsock_start();
	vsock_pump();
}

static void give_event(uint64_t gpa)
{
	const struct vq_buffer buf = { gpa, 4, 1 };

	ck_assert_int_eq(vq_driver_add(rig.driver[2], &buf, 1, gpa), 0);
	vq_driver_publish(rig.driver[2]);
	vsock_pump();
}

static bool take_event(void)
{
	uint64_t gpa;
	uint32_t len, event;

	if (vq_driver_collect(rig.driver[2], &gpa, &len) != 1)
		return false;
	ck_assert_uint_eq(len, 4);
	memcpy(&event, guest_at(&rig.g, gpa), 4);
	ck_assert_uint_eq(event, 0);
	return true;
}

START_TEST(a7_13_reset_event_precedes_all_packets)
{
	int client;

	memset(guest_at(&rig.g, GUEST_DATA - 64), 0xee, 64);
	give_event(GUEST_DATA - 64);
	give_event(GUEST_DATA - 32);
	ck_assert(!take_event());
	move_device(true);
	client = client_make("CONNECT 5\n");
	vsock_send_data(9, 52, "of before");
	ck_assert(take_event());
	ck_assert(take_event());
	vsock_expect_none();
	give_event(GUEST_DATA - 64);
	vsock_expect(OP_RST);
	client_open(client, 5);
	ck_assert(!take_event());
	close(client);
}
END_TEST

START_TEST(a7_13_reset_event_waits_for_a_buffer)
{
	int client;

	move_device(true);
	client = client_make("CONNECT 5\n");
	vsock_expect_none();
	give_event(GUEST_DATA - 64);
	ck_assert(take_event());
	vsock_expect_none();
	give_event(GUEST_DATA - 64);
	client_open(client, 5);
	close(client);
}
END_TEST

START_TEST(state_without_connections_sends_no_reset_event)
{
	int client;

	move_device(false);
	give_event(GUEST_DATA - 64);
	ck_assert(!take_event());
	client = client_make("CONNECT 5\n");
	client_open(client, 5);
	close(client);
}
END_TEST

START_TEST(malformed_state_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsock_stop();
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &state, &state_len, NULL),
			 0);
	((unsigned char *)state)[state_len - 1] = 7;
	ck_assert_int_eq(virtdev_state_load(rig.dev, state, state_len, &err),
			 -EBADMSG);
	ck_assert_str_ne(err.msg, "");
	ck_assert_int_eq(virtdev_state_load(rig.dev, state, state_len - 1,
					    &err), -EBADMSG);
	free(state);
	virtdev_resume(rig.dev);
	vsock_start();
	ck_alive();
}
END_TEST

START_TEST(statistics_count_packets_and_connections)
{
	struct virtdev_stat stats[16];
	uint32_t n = virtdev_stats(rig.dev, stats, 16), i;

	ck_alive();
	vsock_send(OP_REQUEST, 10, 53);
	vsock_expect(OP_RST);
	ck_assert_uint_eq(virtdev_stats(rig.dev, stats, 16), n);
	for (i = 0; i < n; i++) {
		if (!strcmp(stats[i].name, "connections"))
			ck_assert_uint_eq(stats[i].value, 1);
		if (!strcmp(stats[i].name, "to-guest"))
			ck_assert_uint_eq(stats[i].value, 12);
		if (!strcmp(stats[i].name, "from-guest"))
			ck_assert_uint_eq(stats[i].value, 11);
		if (!strcmp(stats[i].name, "refused"))
			ck_assert_uint_eq(stats[i].value, 1);
	}
	ck_assert_uint_eq(n, 5);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void add_packets(TCase *tc)
{
	tcase_add_test(tc, a7_01_packet_shorter_than_its_header_is_dropped);
	tcase_add_test(tc,
		       a7_01_header_and_payload_may_share_a_buffer);
	tcase_add_test(tc,
		       a7_01_buffer_too_small_for_a_header_is_returned_empty);
	tcase_add_loop_test(tc,
			    a7_02_length_beyond_the_buffer_or_64_kib_resets_the_connection,
			    0, N(lengths));
	tcase_add_test(tc,
		       a7_03_packet_never_exceeds_the_buffer_of_the_guest);
	tcase_add_test(tc, a7_04_packet_from_another_cid_is_ignored);
	tcase_add_loop_test(tc, a7_04_packet_to_another_cid_is_reset, 0,
			    N(cids));
	tcase_add_test(tc, a7_04_unoffered_type_is_reset);
	tcase_add_loop_test(tc,
			    a7_04_unknown_operation_resets_the_connection,
			    0, N(unknown));
	tcase_add_loop_test(tc,
			    a7_04_unknown_operation_creates_no_connection,
			    0, N(unknown));
	tcase_add_test(tc, a7_14_guest_of_another_vm_cannot_connect);
	tcase_add_test(tc, clients_may_bind_their_sockets);
	tcase_add_test(tc, a7_05_packets_without_a_connection_are_reset);
	tcase_add_test(tc,
		       a7_05_response_to_an_open_connection_resets_it);
	tcase_add_test(tc,
		       a7_05_request_for_connected_ports_resets_them);
	tcase_add_test(tc,
		       a7_05_bytes_before_the_response_reset_the_connection);
	tcase_add_test(tc, a1_11_a1_12_buffers_outside_memory_are_dropped);
	tcase_add_test(tc, a1_05_broken_ring_is_reported_once);
}

static void add_floods(TCase *tc)
{
	tcase_add_test(tc,
		       a7_05_replies_without_buffers_are_delayed_and_not_lost);
	tcase_add_test(tc, a7_05_reset_while_packets_wait_leaves_an_idle_queue);
	tcase_add_test(tc, aborted_connection_ends_on_the_host_at_once);
	tcase_add_test(tc,
		       a7_05_ten_thousand_resets_and_requests_leak_nothing);
	tcase_add_loop_test(tc,
			    a7_07_huge_credit_allocates_no_memory_on_the_host,
			    0, N(rooms));
	tcase_add_loop_test(tc,
			    a7_08_fwd_cnt_ahead_of_sent_bytes_resets_the_connection,
			    0, N(counts));
	tcase_add_test(tc, a7_08_decreasing_fwd_cnt_grants_no_credit);
	tcase_add_test(tc, a7_08_buf_alloc_below_unread_bytes_grants_no_credit);
	tcase_add_test(tc, a7_09_connections_beyond_the_limit_are_reset);
	tcase_add_test(tc, a7_09_clients_beyond_the_limit_wait);
	tcase_add_test(tc,
		       a7_09_connections_without_free_descriptors_are_reset);
}

static void add_state(TCase *tc)
{
	tcase_add_test(tc,
		       a7_13_reset_event_precedes_all_packets);
	tcase_add_test(tc, a7_13_reset_event_waits_for_a_buffer);
	tcase_add_test(tc, state_without_connections_sends_no_reset_event);
	tcase_add_test(tc, malformed_state_is_refused);
	tcase_add_test(tc, statistics_count_packets_and_connections);
}

int main(void)
{
	Suite *s = suite_create("vsock");
	TCase *tc = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_packets(tc);
	add_floods(tc);
	add_state(tc);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
