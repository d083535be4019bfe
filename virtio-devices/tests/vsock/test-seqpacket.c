/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the socket device and messages: connections of SOCK_SEQPACKET. */
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
#define END 1u		/* flags of a packet's bytes */
#define RECORD 2u

static const uint64_t formats[] = {
	0, VQ_F_RING_PACKED, VQ_F_EVENT_IDX, VQ_F_RING_PACKED | VQ_F_EVENT_IDX,
};
static const struct virtdev_vsock_config config = { .seqpacket_path = "m" };

static int listener, fd;	/* of a connection from port 9 to port 52 */

static void begin_with(const struct virtdev_vsock_config *c, uint64_t features)
{
	vsock_init(c, features);
	vsock_take_messages();
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

/* The guest sends a message in packets of that many bytes. */
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

static void host_has(uint32_t len, unsigned int seed)
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

/* The next packet that is no news of credit. */
static struct packet next_packet(uint16_t op)
{
	struct packet p = { .op = OP_UPDATE };

	while (p.op == OP_UPDATE)
		ck_assert(vsock_receive(&p));
	ck_assert_uint_eq(p.op, op);
	return p;
}

/* One message, in as many packets as it takes; how many those are. */
static uint32_t guest_has(uint32_t len, unsigned int seed)
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
	host_has(5, 1);
	host_sends(fd, 6, 2);
	ck_assert_uint_eq(guest_has(6, 2), 1);
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

START_TEST(messages_keep_their_ends_in_both_directions)
{
	unsigned int i;

	begin(formats[_i]);
	for (i = 0; i < NSIZES; i++) {
		guest_sends(sizes[i], 65536, i);
		host_has(sizes[i], i);
		host_sends(fd, sizes[i], i);
		ck_assert_uint_eq(guest_has(sizes[i], i),
				  sizes[i] ? (sizes[i] + 4095) / 4096 : 1);
	}
	ck_alive();
	teardown();
}
END_TEST

START_TEST(a_message_in_many_packets_is_one)
{
	guest_sends(20000, 1000, 5);
	host_has(20000, 5);
	ck_alive();
}
END_TEST

START_TEST(what_is_not_whole_is_not_there)
{
	fill(guest_bytes(), 10, 0);
	vsock_send_part(9, 52, 10, 0);
	client_expect_none(fd);
	vsock_send_part(9, 52, 0, END);
	host_has(10, 0);
	ck_alive();
}
END_TEST

START_TEST(a_client_talks_with_a_port_of_the_guest)
{
	int client = client_make_messages("CONNECT 1234\n");
	uint32_t port = client_open(client, 1234);

	host_sends(client, 300, 3);
	guest_has(300, 3);
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
START_TEST(a_greeting_is_one_message_and_nothing_else)
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

START_TEST(many_messages_wait_for_a_host_that_does_not_read)
{
	const uint32_t all = under_valgrind() ? 1000 : 20000;
	uint32_t n = 0, i;

	for (; n < all; n++)
		guest_sends(n % 4, 4, n);
	for (i = 0; i < n; i++)
		host_has(i % 4, i);
	client_expect_none(fd);
}
END_TEST

START_TEST(messages_of_no_bytes_do_not_end_the_hosts_direction)
{
	host_sends(fd, 0, 0);
	host_sends(fd, 3, 7);
	host_sends(fd, 0, 0);
	shutdown(fd, SHUT_WR);
	vsock_pump();
	guest_has(0, 0);
	guest_has(3, 7);
	guest_has(0, 0);
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_SEND);
	guest_sends(4, 4, 1);
	host_has(4, 1);
}
END_TEST

START_TEST(what_a_host_sent_before_it_closed_arrives_whole)
{
	host_sends(fd, 30000, 4);
	host_sends(fd, 50, 5);
	close(fd);
	vsock_pump();
	guest_has(30000, 4);
	guest_has(50, 5);
	ck_assert_uint_eq(vsock_expect(OP_SHUTDOWN).flags, SHUT_BOTH);
	vsock_send(OP_RST, 9, 52);
	vsock_expect_none();
	fd = -1;
}
END_TEST

START_TEST(a7_10_what_the_guest_sent_before_its_end_arrives_whole)
{
	struct packet p = packet_make(OP_SHUTDOWN, 9, 52);
	uint32_t n;

	p.flags = SHUT_SEND;
	/* more than the socket takes stands in the backlog */
	for (n = 0; n < 400; n++)
		guest_sends(n % 50, 50, n);
	vsock_send_part(9, 52, 20, 0);
	vsock_send_as(&p, 0, true);
	for (n = 0; n < 400; n++)
		host_has(n % 50, n);
	client_expect(fd, "");
	host_sends(fd, 5, 5);
	guest_has(5, 5);
}
END_TEST

/* ---------------------------------------------------------------------- credit */

START_TEST(a_part_waits_for_credit_and_the_message_stays_one)
{
	rig.buf_alloc = 100;
	vsock_send(OP_UPDATE, 9, 52);
	host_sends(fd, 60, 1);
	guest_has(60, 1);
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

/* All of the guest's room is a part of a message, and what it knows is old. */
START_TEST(in_the_midst_of_a_message_the_guest_hears_of_all_its_room)
{
	struct packet p;

	guest_sends(30000, 30000, 1);
	host_has(30000, 1);
	vsock_expect_none();
	fill(guest_bytes(), 35536, 0);
	vsock_send_part(9, 52, 35536, 0);
	p = vsock_expect(OP_UPDATE);
	ck_assert_uint_eq(p.fwd_cnt, 30000);
	vsock_send_part(9, 52, 30000, END);
	ck_assert_int_eq(recv(fd, guest_bytes(), 1 << 17, 0), 65536);
}
END_TEST

START_TEST(the_guest_is_told_of_no_more_than_the_hosts_socket_takes)
{
	struct virtdev_vsock_config big = config;
	struct packet p;

	big.buffer = VIRTDEV_VSOCK_BUFFER_MAX;
	vsock_init(&big, 0);
	vsock_take_messages();
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

START_TEST(a7_06_a_message_without_an_end_resets_its_connection)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		vsock_send_part(9, 52, BUFFER / 16, 0);
	ck_ended(1);
}
END_TEST

START_TEST(a7_06_a_message_beyond_its_credit_resets_its_connection)
{
	vsock_send_part(9, 52, 40000, 0);
	vsock_send_part(9, 52, 40000, END);
	ck_ended(1);
}
END_TEST

START_TEST(a7_06_messages_of_no_bytes_are_bounded_too)
{
	struct virtdev_vsock_config small = config;
	struct packet p;
	uint32_t n = 0;

	small.buffer = VIRTDEV_VSOCK_BUFFER_MIN;
	begin_with(&small, 0);
	/* the socket's buffer counts what each of them takes */
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

START_TEST(a7_07_a_message_that_the_guest_has_no_room_for_resets_it)
{
	rig.buf_alloc = 1000;
	vsock_send(OP_UPDATE, 9, 52);
	host_sends(fd, 1001, 0);
	rig.buf_alloc = 1 << 18;
	ck_ended(1);
}
END_TEST

START_TEST(a7_07_a_message_beyond_the_buffer_resets_its_connection)
{
	host_sends(fd, BUFFER + 1, 0);
	ck_ended(1);
}
END_TEST

START_TEST(a7_04_a_packet_of_another_type_is_reset_and_the_connection_lives)
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

START_TEST(a7_04_a_server_of_streams_gets_no_messages)
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

START_TEST(a7_04_ends_of_messages_mean_nothing_to_a_stream)
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

START_TEST(a7_04_without_the_feature_there_are_no_messages)
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

START_TEST(descriptors_along_with_a_message_are_not_kept)
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

/* Into a device that has forgotten what it negotiated. */
static int load_anew(void)
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

START_TEST(a7_13_a_state_says_that_the_driver_takes_messages)
{
	save_state();
	ck_assert_int_eq(load_anew(), 0);
	state[state_len - 1] = 2;
	ck_assert_int_eq(virtdev_state_load(rig.dev, state, state_len, NULL),
			 -EBADMSG);
	go_on();
	close(fd);
	fd = guest_open(listener, 9, 52);
	ck_alive();
}
END_TEST

/* Its version is the fourth number of four bytes, its length the fifth. */
START_TEST(a7_13_a_state_of_the_first_version_has_streams_alone)
{
	save_state();
	state[3 * 4] = 1;
	state[4 * 4]--;
	state_len--;
	ck_assert_int_eq(load_anew(), 0);
	go_on();
	vsock_send(OP_REQUEST, 9, 52);
	ck_assert_uint_eq(vsock_expect(OP_RST).type, 2);
}
END_TEST

START_TEST(two_paths_that_are_one_are_refused)
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
	tcase_add_test(tc, a_message_in_many_packets_is_one);
	tcase_add_test(tc, what_is_not_whole_is_not_there);
	tcase_add_test(tc, a_client_talks_with_a_port_of_the_guest);
	tcase_add_loop_test(tc, a_greeting_is_one_message_and_nothing_else, 0,
			    N(bad_greetings));
	tcase_add_test(tc, many_messages_wait_for_a_host_that_does_not_read);
	tcase_add_test(tc,
		       messages_of_no_bytes_do_not_end_the_hosts_direction);
	tcase_add_test(tc, what_a_host_sent_before_it_closed_arrives_whole);
	tcase_add_test(tc,
		       a7_10_what_the_guest_sent_before_its_end_arrives_whole);
	tcase_add_test(tc,
		       a_part_waits_for_credit_and_the_message_stays_one);
	tcase_add_test(tc,
		       in_the_midst_of_a_message_the_guest_hears_of_all_its_room);
}

static void add_hostile(TCase *tc)
{
	tcase_add_test(tc,
		       a7_06_a_message_without_an_end_resets_its_connection);
	tcase_add_test(tc,
		       a7_06_a_message_beyond_its_credit_resets_its_connection);
	tcase_add_test(tc,
		       a7_07_a_message_that_the_guest_has_no_room_for_resets_it);
	tcase_add_test(tc,
		       a7_07_a_message_beyond_the_buffer_resets_its_connection);
	tcase_add_test(tc,
		       a7_04_a_packet_of_another_type_is_reset_and_the_connection_lives);
	tcase_add_test(tc, a7_04_a_server_of_streams_gets_no_messages);
	tcase_add_test(tc, a7_04_ends_of_messages_mean_nothing_to_a_stream);
	tcase_add_test(tc, a7_04_without_the_feature_there_are_no_messages);
	tcase_add_test(tc, descriptors_along_with_a_message_are_not_kept);
	tcase_add_test(tc, a7_13_a_state_says_that_the_driver_takes_messages);
	tcase_add_test(tc,
		       a7_13_a_state_of_the_first_version_has_streams_alone);
	tcase_add_test(tc, two_paths_that_are_one_are_refused);
}

int main(void)
{
	Suite *s = suite_create("vsock");
	TCase *tc = tcase_create("messages"), *own = tcase_create("own rig");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_flow(tc);
	add_hostile(tc);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(own, messages_keep_their_ends_in_both_directions,
			    0, N(formats));
	tcase_add_test(own, a7_06_messages_of_no_bytes_are_bounded_too);
	tcase_add_test(own,
		       the_guest_is_told_of_no_more_than_the_hosts_socket_takes);
	suite_add_tcase(s, own);
	return run_suite(s);
}
