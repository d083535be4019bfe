/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a network card whose stream is lost and reconnects. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../folder.h"
#include "../net-rig.h"
#include "../suite.h"

#define RX 0u
#define TX 1u
#define LEN 100u
#define SOON 1u		/* ms */
#define NEVER 60000u	/* longer than any test */
#define PATIENCE 60000	/* ms; limits waits for events that always happen */

static int listener, peer;

static void listen_here(void)
{
	listener = vsu_sock_listen("s", 16, NULL);
	ck_assert_int_ge(listener, 0);
}

static void give_buffers(void)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		add_buffer(RX, GUEST_DATA + 0x10000 + 0x1000u * i, 2048, true);
}

static void make_card(uint32_t reconnect_ms)
{
	const struct virtdev_net_stream stream = {
		.size = sizeof(stream), .path = "s",
		.reconnect_ms = reconnect_ms,
	};
	struct virtdev_net_link *link;
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(virtdev_net_stream_open(&stream, &link, &err), 0);
	ck_assert_int_eq(err.code, 0);	/* also without a listener so far */
	net_rig_init_over(link, VIRTDEV_NET_F_MRG_RXBUF);
	give_buffers();
}

static void accept_card(void)
{
	peer = vsu_sock_accept(listener);
	ck_assert_int_ge(peer, 0);
}

static void begin(uint32_t reconnect_ms)
{
	folder_init("/tmp");
	listener = peer = -1;
	listen_here();
	make_card(reconnect_ms);
	accept_card();
	serve(RX);
}

static void end(void)
{
	net_rig_fini();
	vsu_fd_close(&peer);
	vsu_fd_close(&listener);
	unlink("s");
	folder_fini();
}

/* Waits until the driver would read this status. */
static void await_status(unsigned int status)
{
	while (card_status() != status) {
		ck_assert(is_ready(RX, PATIENCE));
		serve(RX);
	}
}

static void drop_stream(void)
{
	vsu_fd_close(&peer);
	await_status(0);
}

static void restore_stream(void)
{
	await_status(VIRTDEV_NET_S_LINK_UP);
	accept_card();
}

/* The peer sends the first BYTES of a frame whose bytes are FIRST. */
static void peer_sends(unsigned char first, uint32_t bytes)
{
	unsigned char frame[4 + LEN] = { 0 };
	const uint32_t be = htonl(LEN);

	memcpy(frame, &be, 4);
	frame[4] = first;
	ck_assert_int_eq(send(peer, frame, bytes, MSG_NOSIGNAL),
			 (ssize_t)bytes);
	serve(RX);
}

/* The next frame that the driver receives begins with this byte. */
static void ck_received(unsigned char first)
{
	uint64_t gpa;

	serve(RX);
	ck_assert_int_eq(used_length(RX, &gpa), HEADER + LEN);
	ck_assert_uint_eq(*guest_at(&net_rig.g, gpa + HEADER), first);
}

static void ck_sent_range(void)
{
	const struct virtdev_net_header h = { .flags = 0 };
	unsigned char got[200];
	uint32_t be;

	send_frame(&h, LEN, true);
	serve(TX);
	ck_assert_int_eq(used_length(TX, NULL), 0);
	ck_assert_int_eq(recv(peer, got, sizeof(got), MSG_DONTWAIT), 4 + LEN);
	memcpy(&be, got, 4);
	ck_assert_uint_eq(ntohl(be), LEN);
}

START_TEST(link_status_follows_the_connection)
{
	unsigned int i;

	begin(SOON);
	ck_assert_uint_eq(card_status(), VIRTDEV_NET_S_LINK_UP);
	for (i = 0; i < 5; i++) {
		peer_sends(2, 4 + LEN);
		ck_received(2);
		ck_sent_range();
		drop_stream();
		ck_assert_uint_eq(net_rig.changed, 2 * i + 1);
		restore_stream();
		ck_assert_uint_eq(net_rig.changed, 2 * i + 2);
	}
	end();
}
END_TEST

START_TEST(partial_frame_of_a_lost_stream_is_dropped)
{
	begin(SOON);
	peer_sends(2, 4 + LEN / 2);
	drop_stream();
	restore_stream();
	peer_sends(4, 4 + LEN);
	ck_received(4);
	ck_assert_int_eq(used_length(RX, NULL), -1);
	end();
}
END_TEST

START_TEST(card_connects_when_a_listener_appears)
{
	folder_init("/tmp");
	make_card(SOON);
	/* before the device is served, like the first read of the driver */
	ck_assert_uint_eq(card_status(), 0);
	serve(RX);
	ck_assert_uint_eq(card_status(), 0);
	listen_here();
	restore_stream();
	ck_sent_range();
	end();
}
END_TEST

START_TEST(frames_are_dropped_while_disconnected)
{
	const struct virtdev_net_header h = { .flags = 0 };

	begin(NEVER);
	drop_stream();
	send_frame(&h, LEN, true);
	serve(TX);
	ck_assert_int_eq(used_length(TX, NULL), 0);
	end();
}
END_TEST

/* The peer does not read: sends frames until one has to wait. */
static void fill_stream(void)
{
	const struct virtdev_net_header h = { .flags = 0 };
	unsigned int i;

	for (i = 0; i < 100000; i++) {
		send_frame(&h, 2000, true);
		serve(TX);
		if (used_length(TX, NULL) < 0)
			return;
	}
	ck_abort_msg("the stream never became full");
}

START_TEST(frame_waiting_in_a_lost_stream_is_sent_in_the_next)
{
	static unsigned char got[1 << 20];
	uint32_t be;

	begin(SOON);
	fill_stream();
	ck_assert(!is_ready(TX, 0));
	/* the receive queue detects the loss first */
	drop_stream();
	restore_stream();
	ck_assert(is_ready(TX, 0));
	serve(TX);
	ck_assert_int_eq(used_length(TX, NULL), 0);
	ck_assert(!is_ready(TX, 0));
	/*
	 * the waiting frame only; the link drops what it had buffered for the
	 * old stream
	 */
	ck_assert_int_eq(recv(peer, got, sizeof(got), MSG_DONTWAIT), 4 + 2000);
	memcpy(&be, got, 4);
	ck_assert_uint_eq(ntohl(be), 2000);
	end();
}
END_TEST

START_TEST(sender_waits_for_room_after_a_reconnection)
{
	static unsigned char got[1 << 22];

	begin(SOON);
	fill_stream();
	drop_stream();
	restore_stream();
	serve(TX);
	ck_assert_int_eq(used_length(TX, NULL), 0);
	fill_stream();
	ck_assert(!is_ready(TX, 0));
	ck_assert_int_gt(recv(peer, got, sizeof(got), MSG_DONTWAIT), 0);
	ck_assert(is_ready(TX, 0));
	serve(TX);
	ck_assert_int_eq(used_length(TX, NULL), 0);
	end();
}
END_TEST

/* A peer may hang up repeatedly; reconnecting is delayed each time. */
START_TEST(reconnection_after_a_hang_up_is_delayed)
{
	const uint32_t be = htonl(0x7fffffff);

	begin(NEVER);
	if (_i)
		ck_assert_int_eq(send(peer, &be, 4, MSG_NOSIGNAL), 4);
	else
		vsu_fd_close(&peer);
	await_status(0);
	ck_assert(!is_ready(RX, 0));
	serve(RX);
	serve(TX);
	ck_assert_int_eq(vsu_sock_accept(listener), -EAGAIN);
	end();
}
END_TEST

START_TEST(new_driver_reads_the_current_link_status)
{
	const struct virtdev_net_header h = { .flags = 0 };

	begin(SOON);
	net_rig_stop(TX);
	drop_stream();
	restore_stream();
	net_rig_start(TX);
	ck_assert(!is_ready(TX, 0));
	send_frame(&h, LEN, true);
	serve(TX);
	ck_assert_int_eq(used_length(TX, NULL), 0);
	ck_assert(!is_ready(TX, 0));
	end();
}
END_TEST

static unsigned int reports;
static struct vsu_error last;

static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	reports++;
	last = *what;
}

static void listen_to_card(void)
{
	reports = 0;
	virtdev_set_report(net_rig.dev, on_report, NULL);
}

START_TEST(each_loss_and_reconnection_is_reported_once)
{
	int i;

	begin(SOON);
	listen_to_card();
	for (i = 0; i < 3; i++) {
		drop_stream();
		ck_assert_uint_eq(reports, 2 * (unsigned int)i + 1);
		ck_assert_int_eq(last.code, -EPIPE);
		ck_assert_ptr_nonnull(strstr(last.msg, "it retries"));
		net_rig_stop(RX);
		net_rig_start(RX);
		give_buffers();
		ck_assert_uint_eq(reports, 2 * (unsigned int)i + 1);
		restore_stream();
		ck_assert_uint_eq(reports, 2 * (unsigned int)i + 2);
		ck_assert_int_eq(last.code, 0);
	}
	end();
}
END_TEST

START_TEST(permanent_loss_is_reported_with_the_remedy)
{
	begin(0);
	listen_to_card();
	drop_stream();
	serve(RX);
	ck_assert_uint_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(last.msg, "the option reconnect"));
	end();
}
END_TEST

START_TEST(card_that_starts_disconnected_reports_it_once)
{
	folder_init("/tmp");
	listener = peer = -1;
	make_card(SOON);
	net_rig_stop(RX);
	listen_to_card();
	net_rig_start(RX);
	give_buffers();
	ck_assert_uint_eq(reports, 0);	/* reported before a listener was set */
	listen_here();
	restore_stream();
	ck_assert_uint_eq(reports, 1);
	ck_assert_int_eq(last.code, 0);
	end();
}
END_TEST

START_TEST(invalid_socket_path_is_refused_also_with_reconnection)
{
	struct virtdev_net_stream stream = {
		.size = sizeof(stream), .reconnect_ms = SOON,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_net_link *link;
	char path[200] = { 0 };
	const int fds = vsu_fd_count();

	ck_assert_int_eq(virtdev_net_stream_open(&stream, &link, &err),
			 -EINVAL);
	memset(path, 'a', sizeof(path) - 1);
	stream.path = path;
	ck_assert_int_eq(virtdev_net_stream_open(&stream, &link, &err),
			 -ENAMETOOLONG);
	stream.path = "/dev/null";
	ck_assert_int_lt(virtdev_net_stream_open(&stream, &link, &err), 0);
	ck_assert_int_eq(vsu_fd_count(), fds);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reconnect");
	TCase *tc = tcase_create("reconnect");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, link_status_follows_the_connection);
	tcase_add_test(tc, partial_frame_of_a_lost_stream_is_dropped);
	tcase_add_test(tc, card_connects_when_a_listener_appears);
	tcase_add_test(tc, frames_are_dropped_while_disconnected);
	tcase_add_test(tc,
		       frame_waiting_in_a_lost_stream_is_sent_in_the_next);
	tcase_add_test(tc,
		       sender_waits_for_room_after_a_reconnection);
	tcase_add_loop_test(tc,
			    reconnection_after_a_hang_up_is_delayed,
			    0, 2);
	tcase_add_test(tc, new_driver_reads_the_current_link_status);
	tcase_add_test(tc, each_loss_and_reconnection_is_reported_once);
	tcase_add_test(tc, permanent_loss_is_reported_with_the_remedy);
	tcase_add_test(tc, card_that_starts_disconnected_reports_it_once);
	tcase_add_test(tc,
		       invalid_socket_path_is_refused_also_with_reconnection);
	return run_suite(s);
}
