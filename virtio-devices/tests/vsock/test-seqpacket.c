/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the socket device and message connections (SOCK_SEQPACKET). */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/sock.h>

#include "../image.h"
#include "../suite.h"
#include "vsock-rig.h"

#define BUFFER 65536u
#define END 1u		/* flag of a packet */
#define RECORD 2u

static const uint64_t formats[] = {
	0, VQ_F_RING_PACKED, VQ_F_EVENT_IDX, VQ_F_RING_PACKED | VQ_F_EVENT_IDX,
};
static const struct virtdev_vsock_config config = { .seqpacket_path = "m" };

static int listener, fd;	/* connection from port 9 to port 52 */

static void begin_with(const struct virtdev_vsock_config *c, uint64_t features)
{
	vsock_init(c, features);
	vsock_use_seqpacket();
	listener = server_make(52);
	fd = guest_open(listener, 9, 52);
}

static void begin(uint64_t features)
{
	begin_with(&config, features);
}

static void setup(void)
{
	begin(0);
}

static void teardown(void)
{
	close(fd);
	close(listener);
	vsock_fini();
	ck_assert_int_lt(access("m", F_OK), 0);
}

static unsigned char *guest_bytes(void)
{
	return guest_at(&rig.g, TX_AT + 64);
}

static void fill(unsigned char *at, uint32_t len, unsigned int seed)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		at[i] = (unsigned char)(i * 7 + (i >> 8) + seed);
}

static void ck_filled(const unsigned char *at, uint32_t len, unsigned int seed)
{
	static unsigned char same[2 * BUFFER];

	fill(same, len, seed);
	ck_assert_mem_eq(at, same, len);
}

/* The guest sends a message in packets of PART bytes. */
static void guest_sends(uint32_t len, uint32_t part, unsigned int seed)
{
	static unsigned char all[2 * BUFFER];
	uint32_t at = 0, n;

	fill(all, len, seed);
	do {
		n = len - at < part ? len - at : part;
		memcpy(guest_bytes(), all + at, n);
		at += n;
		vsock_send_part(9, 52, n, at == len ? END : 0);
	} while (at < len);
}

static void host_receives(uint32_t len, unsigned int seed)
{
	static unsigned char got[2 * BUFFER];

	ck_assert_int_eq(recv(fd, got, sizeof(got), MSG_DONTWAIT | MSG_TRUNC),
			 len);
	ck_filled(got, len, seed);
	vsock_pump();
}

static void host_sends(int sock, uint32_t len, unsigned int seed)
{
	static unsigned char all[2 * BUFFER];

	fill(all, len, seed);
	ck_assert_int_eq(send(sock, all, len, MSG_DONTWAIT | MSG_NOSIGNAL),
			 len);
	vsock_pump();
}

/* The next packet that is not a credit update. */
static struct packet next_packet(uint16_t op)
{
	struct packet p = { .op = OP_UPDATE };

	while (p.op == OP_UPDATE)
		ck_assert(vsock_receive(&p));
	ck_assert_uint_eq(p.op, op);
	return p;
}

/* The guest receives one message; returns its number of packets. */
static uint32_t guest_receives(uint32_t len, unsigned int seed)
{
	static unsigned char got[2 * BUFFER];
	uint32_t at = 0, n = 0;
	struct packet p;

	do {
		p = next_packet(OP_RW);
		ck_assert_uint_eq(p.type, 2);
		ck_assert_uint_le(p.len, len - at);
		memcpy(got + at, guest_at(&rig.g, p.data), p.len);
		at += p.len;
		n++;
	} while (!(p.flags & END));
	ck_assert_uint_eq(at, len);
	ck_filled(got, len, seed);
	return n;
}

static uint64_t too_long(void)
{
	struct virtdev_stat stats[8];
	uint32_t n = virtdev_stats(rig.dev, stats, 8), i;

	for (i = 0; i < n; i++)
		if (!strcmp(stats[i].name, "too-long"))
			return stats[i].value;
	return UINT64_MAX;
}

static void ck_alive(void)
{
	guest_sends(5, 5, 1);
	host_receives(5, 1);
	host_sends(fd, 6, 2);
	ck_assert_uint_eq(guest_receives(6, 2), 1);
	vsock_expect_none();
}

static void ck_ended(uint64_t counted)
{
	struct packet p = vsock_expect(OP_RST);

	ck_assert_uint_eq(p.type, 2);
	ck_assert_uint_eq(p.dst_port, 9);
	ck_assert_uint_eq(too_long(), counted);
	vsock_expect_none();
	close(fd);
	fd = guest_open(listener, 9, 52);
	ck_alive();
}

/* ------------------------------------------------------------- both directions */

static const uint32_t sizes[] = { 0, 1, 43, 4096, 4097, 12289, 65535, 65536 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

START_TEST(message_boundaries_are_kept_in_both_directions)
{
	unsigned int i;

	begin(formats[_i]);
	for (i = 0; i < NSIZES; i++) {
		guest_sends(sizes[i], 65536, i);
		host_receives(sizes[i], i);
		host_sends(fd, sizes[i], i);
		ck_assert_uint_eq(guest_receives(sizes[i], i),
				  sizes[i] ? (sizes[i] + 4095) / 4096 : 1);
	}
	ck_alive();
	teardown();
}
END_TEST

START_TEST(message_in_many_packets_is_assembled)
{
	guest_sends(20000, 1000, 5);
	host_receives(20000, 5);
	ck_alive();
}
END_TEST

START_TEST(partial_message_is_not_delivered)
{
	fill(guest_bytes(), 10, 0);
	vsock_send_part(9, 52, 10, 0);
	client_expect_none(fd);
	vsock_send_part(9, 52, 0, END);
	host_receives(10, 0);
	ck_alive();
}
END_TEST

START_TEST(client_connects_to_a_port_of_the_guest)
{
	int client = client_make_messages("CONNECT 1234\n");
	uint32_t port = client_open(client, 1234);

	host_sends(client, 300, 3);
	guest_receives(300, 3);
	memcpy(guest_bytes(), "hello", 5);
	vsock_send_part(1234, port, 2, END);
	vsock_send_part(1234, port, 5, END | RECORD);
	client_expect(client, "he");
	client_expect(client, "hello");
	close(client);
	vsock_pump();
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
}
END_TEST

static const char *const bad_greetings[] = {
	"CONNECT 5", "CONNECT 5\nat once", "HELLO\n", "CONNECT 4294967295\n",
	"CONNECT 00000000000000000000000000000000000000001\n", "",
};
START_TEST(connect_request_is_exactly_one_message)
{
	int client = client_make_messages(bad_greetings[_i]);
	char byte;
	ssize_t n = recv(client, &byte, 1, MSG_DONTWAIT);

	ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
	vsock_expect_none();
	close(client);
	ck_alive();
}
END_TEST

START_TEST(messages_wait_while_the_host_does_not_read)
{
	const uint32_t all = under_valgrind() ? 1000 : 20000;
	uint32_t n = 0, i;

	for (; n < all; n++)
		guest_sends(n % 4, 4, n);
	for (i = 0; i < n; i++)
		host_receives(i % 4, i);
	client_expect_none(fd);
}
END_TEST

START_TEST(empty_messages_do_not_end_the_connection)
{
	host_sends(fd, 0, 0);
	host_sends(fd, 3, 7);
	host_sends(fd, 0, 0);
	shutdown(fd, SHUT_WR);
	vsock_pump();
	guest_receives(0, 0);
	guest_receives(3, 7);
	guest_receives(0, 0);
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_SEND);
	guest_sends(4, 4, 1);
	host_receives(4, 1);
}
END_TEST

START_TEST(messages_sent_before_the_host_closed_are_delivered)
{
	host_sends(fd, 30000, 4);
	host_sends(fd, 50, 5);
	close(fd);
	vsock_pump();
	guest_receives(30000, 4);
	guest_receives(50, 5);
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
	vsock_send(OP_RST, 9, 52);
	vsock_expect_none();
	fd = -1;
}
END_TEST

START_TEST(a7_10_messages_sent_before_the_guests_shutdown_are_delivered)
{
	struct packet p = packet_make(OP_SHUTDOWN, 9, 52);
	uint32_t n;

	p.flags = SHUT_SEND;
	/* what exceeds the socket's buffer waits in the backlog */
	for (n = 0; n < 400; n++)
		guest_sends(n % 50, 50, n);
	vsock_send_part(9, 52, 20, 0);
	vsock_send_as(&p, 0, true);
	for (n = 0; n < 400; n++)
		host_receives(n % 50, n);
	client_expect(fd, "");
	host_sends(fd, 5, 5);
	guest_receives(5, 5);
}
END_TEST

/* ---------------------------------------------------------------------- credit */

START_TEST(message_continues_after_a_credit_update)
{
	rig.buf_alloc = 100;
	vsock_send(OP_UPDATE, 9, 52);
	host_sends(fd, 60, 1);
	guest_receives(60, 1);
	host_sends(fd, 90, 2);
	ck_assert_uint_eq(vsock_expect(OP_RW).len, 40);
	vsock_expect(OP_CREDIT);
	vsock_expect_none();
	rig.fwd_cnt = 60;
	vsock_send(OP_UPDATE, 9, 52);
	ck_assert_uint_eq(vsock_expect(OP_RW).flags, END);
	vsock_expect_none();
}
END_TEST

/*
 * A partial message fills the guest's credit, and the guest's last credit
 * update is outdated.
 */
START_TEST(partial_message_triggers_a_credit_update)
{
	struct packet p;

	guest_sends(30000, 30000, 1);
	host_receives(30000, 1);
	vsock_expect_none();
	fill(guest_bytes(), 35536, 0);
	vsock_send_part(9, 52, 35536, 0);
	p = vsock_expect(OP_UPDATE);
	ck_assert_uint_eq(p.fwd_cnt, 30000);
	vsock_send_part(9, 52, 30000, END);
	ck_assert_int_eq(recv(fd, guest_bytes(), 1 << 17, 0), 65536);
}
END_TEST

START_TEST(credit_is_limited_by_the_hosts_socket)
{
	struct virtdev_vsock_config big = config;
	struct packet p;

	big.buffer = VIRTDEV_VSOCK_BUFFER_MAX;
	vsock_init(&big, 0);
	vsock_use_seqpacket();
	listener = server_make(52);
	vsock_send(OP_REQUEST, 9, 52);
	fd = server_accept(listener);
	p = vsock_expect(OP_RESPONSE);
	ck_assert_uint_ge(p.buf_alloc, 4096);
	ck_assert_uint_lt(p.buf_alloc, VIRTDEV_VSOCK_BUFFER_MAX);
	teardown();
}
END_TEST

/* --------------------------------------------------------------------- hostile */

START_TEST(a7_06_endless_message_resets_its_connection)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		vsock_send_part(9, 52, BUFFER / 16, 0);
	ck_ended(1);
}
END_TEST

START_TEST(a7_06_message_beyond_its_credit_resets_its_connection)
{
	vsock_send_part(9, 52, 40000, 0);
	vsock_send_part(9, 52, 40000, END);
	ck_ended(1);
}
END_TEST

START_TEST(a7_06_empty_messages_are_bounded_too)
{
	struct virtdev_vsock_config small = config;
	struct packet p;
	uint32_t n = 0;

	small.buffer = VIRTDEV_VSOCK_BUFFER_MIN;
	begin_with(&small, 0);
	/* each empty message takes space in the socket's buffer */
	while (!vsock_receive(&p)) {
		ck_assert_uint_lt(n++, 1 << 20);
		vsock_send_part(9, 52, 0, END);
	}
	ck_assert_uint_eq(p.op, OP_RST);
	ck_assert_uint_ge(n, VIRTDEV_VSOCK_BUFFER_MIN);
	ck_assert_uint_eq(too_long(), 1);
	close(fd);
	fd = guest_open(listener, 9, 52);
	ck_alive();
	teardown();
}
END_TEST

START_TEST(a7_07_message_larger_than_the_guests_buffer_resets_the_connection)
{
	rig.buf_alloc = 1000;
	vsock_send(OP_UPDATE, 9, 52);
	host_sends(fd, 1001, 0);
	rig.buf_alloc = 1 << 18;
	ck_ended(1);
}
END_TEST

START_TEST(a7_07_message_beyond_the_devices_buffer_resets_its_connection)
{
	host_sends(fd, BUFFER + 1, 0);
	ck_ended(1);
}
END_TEST

START_TEST(a7_04_packet_of_another_type_is_reset_and_keeps_the_connection)
{
	static const uint16_t ops[] = { OP_REQUEST, OP_RW, OP_SHUTDOWN,
					OP_CREDIT };
	struct packet p;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		p = packet_make(ops[i], 9, 52);
		p.type = 1;
		vsock_send_as(&p, 0, true);
		ck_assert_uint_eq(vsock_expect(OP_RST).type, 1);
		ck_alive();
	}
	p = packet_make(OP_RST, 9, 52);
	p.type = 1;
	vsock_send_as(&p, 0, true);
	vsock_expect_none();
	ck_alive();
}
END_TEST

START_TEST(a7_04_message_connection_to_a_stream_server_is_reset)
{
	int streams;
	struct packet p;

	rig.type = 1;
	streams = server_make(60);
	rig.type = 2;
	vsock_send(OP_REQUEST, 9, 60);
	p = vsock_expect(OP_RST);
	ck_assert_uint_eq(p.type, 2);
	ck_assert_int_eq(accept(streams, NULL, NULL), -1);
	rig.type = 1;
	vsock_send(OP_REQUEST, 10, 52);
	ck_assert_uint_eq(vsock_expect(OP_RST).type, 1);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	rig.type = 2;
	close(streams);
	ck_alive();
}
END_TEST

START_TEST(a7_04_message_flags_are_ignored_for_a_stream)
{
	int streams, stream;

	rig.type = 1;
	streams = server_make(60);
	stream = guest_open(streams, 9, 60);
	memcpy(guest_bytes(), "ab", 2);
	vsock_send_part(9, 60, 2, END | RECORD);
	vsock_send_part(9, 60, 2, 0);
	client_expect(stream, "abab");
	close(stream);
	close(streams);
	vsock_pump();
	vsock_expect(OP_SHUTDOWN);
	rig.type = 2;
	ck_alive();
}
END_TEST

START_TEST(a7_04_message_connections_require_the_feature)
{
	int client;
	char byte;

	ck_assert_int_eq(virtdev_set_features(rig.dev, VQ_F_VERSION_1 | 1,
					      NULL), 0);
	vsock_send(OP_REQUEST, 10, 52);
	ck_assert_uint_eq(vsock_expect(OP_RST).type, 2);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	client = client_make_messages("CONNECT 5\n");
	ck_assert_int_eq(recv(client, &byte, 1, MSG_DONTWAIT), 0);
	vsock_expect_none();
	close(client);
}
END_TEST

START_TEST(descriptors_attached_to_a_message_are_closed)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	const int sent = listener;
	struct packet p;
	int before;

	ck_assert_int_eq(vsu_sock_send(fd, &iov, 1, &sent, 1), 1);
	before = baseline_take().fds;
	vsock_pump();
	p = vsock_expect(OP_RW);
	ck_assert_uint_eq(p.flags, END);
	ck_assert_int_eq(baseline_take().fds, before);
	ck_alive();
}
END_TEST

/* -------------------------------------------------------------------- its life */

static unsigned char *state;
static size_t state_len;

/* Loads the state into a device without negotiated features. */
static int load_state(void)
{
	virtdev_reset(rig.dev);
	return virtdev_state_load(rig.dev, state, state_len, NULL);
}

static void save_state(void)
{
	void *bytes;

	vsock_send(OP_RST, 9, 52);
	vsock_stop();
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &bytes, &state_len, NULL),
			 0);
	state = bytes;
}

static void go_on(void)
{
	free(state);
	virtdev_resume(rig.dev);
	vsock_start();
	vsock_pump();
}

START_TEST(a7_13_state_contains_the_seqpacket_feature)
{
	save_state();
	ck_assert_int_eq(load_state(), 0);
	state[state_len - 1] = 2;
	ck_assert_int_eq(virtdev_state_load(rig.dev, state, state_len, NULL),
			 -EBADMSG);
	go_on();
	close(fd);
	fd = guest_open(listener, 9, 52);
	ck_alive();
}
END_TEST

/* The fourth 32-bit number is the version, the fifth the length. */
START_TEST(a7_13_state_of_version_1_supports_only_streams)
{
	save_state();
	state[3 * 4] = 1;
	state[4 * 4]--;
	state_len--;
	ck_assert_int_eq(load_state(), 0);
	go_on();
	vsock_send(OP_REQUEST, 9, 52);
	ck_assert_uint_eq(vsock_expect(OP_RST).type, 2);
}
END_TEST

START_TEST(equal_stream_and_seqpacket_paths_are_refused)
{
	struct virtdev_vsock_config same = { .size = sizeof(same), .cid = 3,
					     .path = "w", };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	same.seqpacket_path = "w";
	ck_assert_int_eq(virtdev_vsock_new(&same, &dev, &err), -EADDRINUSE);
	ck_assert_int_lt(access("w", F_OK), 0);
	same.seqpacket_path = "";
	ck_assert_int_eq(virtdev_vsock_new(&same, &dev, &err), -EINVAL);
	ck_assert_int_lt(access("w", F_OK), 0);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void add_flow(TCase *tc)
{
	tcase_add_test(tc, message_in_many_packets_is_assembled);
	tcase_add_test(tc, partial_message_is_not_delivered);
	tcase_add_test(tc, client_connects_to_a_port_of_the_guest);
	tcase_add_loop_test(tc, connect_request_is_exactly_one_message, 0,
			    N(bad_greetings));
	tcase_add_test(tc, messages_wait_while_the_host_does_not_read);
	tcase_add_test(tc,
		       empty_messages_do_not_end_the_connection);
	tcase_add_test(tc, messages_sent_before_the_host_closed_are_delivered);
	tcase_add_test(tc,
		       a7_10_messages_sent_before_the_guests_shutdown_are_delivered);
	tcase_add_test(tc,
		       message_continues_after_a_credit_update);
	tcase_add_test(tc,
		       partial_message_triggers_a_credit_update);
}

static void add_hostile(TCase *tc)
{
	tcase_add_test(tc,
		       a7_06_endless_message_resets_its_connection);
	tcase_add_test(tc,
		       a7_06_message_beyond_its_credit_resets_its_connection);
	tcase_add_test(tc,
		       a7_07_message_larger_than_the_guests_buffer_resets_the_connection);
	tcase_add_test(tc,
		       a7_07_message_beyond_the_devices_buffer_resets_its_connection);
	tcase_add_test(tc,
		       a7_04_packet_of_another_type_is_reset_and_keeps_the_connection);
	tcase_add_test(tc, a7_04_message_connection_to_a_stream_server_is_reset);
	tcase_add_test(tc, a7_04_message_flags_are_ignored_for_a_stream);
	tcase_add_test(tc, a7_04_message_connections_require_the_feature);
	tcase_add_test(tc, descriptors_attached_to_a_message_are_closed);
	tcase_add_test(tc, a7_13_state_contains_the_seqpacket_feature);
	tcase_add_test(tc,
		       a7_13_state_of_version_1_supports_only_streams);
	tcase_add_test(tc, equal_stream_and_seqpacket_paths_are_refused);
}

int main(void)
{
	Suite *s = suite_create("vsock");
	TCase *tc = tcase_create("messages"), *own = tcase_create("own rig");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_flow(tc);
	add_hostile(tc);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(own, message_boundaries_are_kept_in_both_directions,
			    0, N(formats));
	tcase_add_test(own, a7_06_empty_messages_are_bounded_too);
	tcase_add_test(own,
		       credit_is_limited_by_the_hosts_socket);
	suite_add_tcase(s, own);
	return run_suite(s);
}
