/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about frames from the driver to the link. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../net-rig.h"
#include "../suite.h"

#define CSUM VIRTDEV_NET_F_CSUM
#define TSO (CSUM | VIRTDEV_NET_F_HOST_TSO4)

static struct virtdev_net_header plain(void)
{
	struct virtdev_net_header h;

	memset(&h, 0, sizeof(h));
	return h;
}

static struct virtdev_net_header segments(void)
{
	struct virtdev_net_header h = plain();

	h.flags = VIRTDEV_NET_HDR_NEEDS_CSUM;
	h.gso_type = VIRTDEV_NET_GSO_TCPV4;
	h.gso_size = vsu_le16_make(1448);
	h.hdr_len = vsu_le16_make(54);
	h.csum_start = vsu_le16_make(34);
	h.csum_offset = vsu_le16_make(16);
	return h;
}

/*
 * Whether a frame with this header is sent or dropped; its buffer is returned
 * in both cases.
 */
static void ck_sent(const struct virtdev_net_header *h, uint32_t len, bool sent)
{
	const unsigned int before = net_rig.link.nsent;

	send_frame(h, len, true);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, before + sent);
	ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert_uint_eq(net_rig.broken, 0);
}

static const int packet_types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
static const uint64_t formats[] = { 0, VQ_F_RING_PACKED };

START_TEST(frame_is_sent_with_a_clean_header)
{
	struct virtdev_net_header h = plain();
	const struct rig_frame *f = &net_rig.link.sent[0];

	net_rig_init(1, formats[_i % 2]);
	memset(guest_at(&net_rig.g, GUEST_DATA + HEADER), 0x5a, 1000);
	h.num_buffers = vsu_le16_make(7);	/* not used for transmitted frames */
	h.flags = VIRTDEV_NET_HDR_DATA_VALID;
	send_frame(&h, 1000, _i / 2);
	serve(1);
	ck_assert_uint_eq(f->len, HEADER + 1000);
	for (_i = 0; _i < (int)f->len; _i++)
		ck_assert_uint_eq(f->bytes[_i], _i < (int)HEADER ? 0 : 0x5a);
	ck_assert_int_eq(used_length(1, NULL), 0);
	net_rig_fini();
}
END_TEST

START_TEST(a5_01_chain_without_a_frame_is_dropped)
{
	const struct virtdev_net_header h = plain();
	const struct vq_buffer some = { GUEST_DATA, HEADER, 0 };
	struct virtdev_stat stats[5];

	net_rig_init(1, 0);
	ck_sent(&h, 1, false);
	ck_sent(&h, 13, false);
	ck_assert_int_eq(vq_driver_add(net_rig.driver[1], &some, 1, 0), 0);
	vq_driver_publish(net_rig.driver[1]);
	serve(1);
	ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	ck_sent(&h, 14, true);
	ck_assert_uint_eq(virtdev_stats(net_rig.dev, stats, 5), 5);
	ck_assert_str_eq(stats[1].name, "sent");
	ck_assert_uint_eq(stats[1].value, 1);
	ck_assert_uint_eq(stats[3].value, 14);
	ck_assert_str_eq(stats[4].name, "dropped");
	ck_assert_uint_eq(stats[4].value, 3);
	net_rig_fini();
}
END_TEST

START_TEST(a5_02_header_over_many_descriptors_is_read)
{
	const struct vq_buffer bufs[] = {
		{ GUEST_DATA, 1, 0 }, { GUEST_DATA + 1, 5, 0 },
		{ GUEST_DATA + 6, 4, 0 }, { GUEST_DATA + 10, 90, 0 },
	};
	struct virtdev_net_header h = segments(), got;

	net_rig_init(1, TSO);
	memcpy(guest_at(&net_rig.g, GUEST_DATA), &h, sizeof(h));
	ck_assert_int_eq(vq_driver_add(net_rig.driver[1], bufs, 4, 0), 0);
	vq_driver_publish(net_rig.driver[1]);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 1);
	ck_assert_uint_eq(net_rig.link.sent[0].len, 100);
	memcpy(&got, net_rig.link.sent[0].bytes, sizeof(got));
	ck_assert_mem_eq(&got, &h, sizeof(h));
	net_rig_fini();
}
END_TEST

START_TEST(a5_03_sum_beyond_the_frame_is_dropped)
{
	struct virtdev_net_header h = plain();

	net_rig_init(1, CSUM);
	h.flags = VIRTDEV_NET_HDR_NEEDS_CSUM;
	h.csum_start = vsu_le16_make(34);
	h.csum_offset = vsu_le16_make(16);
	ck_sent(&h, 52, true);
	ck_sent(&h, 51, false);
	h.csum_start = vsu_le16_make(0xffff);
	h.csum_offset = vsu_le16_make(0xffff);
	ck_sent(&h, 60, false);
	net_rig_fini();
}
END_TEST

START_TEST(a5_03_link_gets_the_header_that_was_checked)
{
	struct virtdev_net_header h = segments(), got;

	net_rig_init(1, TSO);
	net_rig.link.send_code = -EAGAIN;
	send_frame(&h, 2000, true);
	serve(1);
	/*
	 * the driver changes the header while the frame waits: it is checked
	 * again and dropped
	 */
	((struct virtdev_net_header *)guest_at(&net_rig.g, GUEST_DATA))
		->csum_start = vsu_le16_make(0xfff0);
	net_rig.link.send_code = 0;
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	send_frame(&h, 2000, true);
	serve(1);
	memcpy(&got, net_rig.link.sent[0].bytes, sizeof(got));
	ck_assert_mem_eq(&got, &h, sizeof(h));
	net_rig_fini();
}
END_TEST

static const struct {
	uint64_t features;
	uint8_t flags, type;
	uint16_t size, hdr_len;
	bool good;
} gsos[] = {
	{ TSO, 1, VIRTDEV_NET_GSO_TCPV4, 1448, 54, true },
	{ TSO, 1, VIRTDEV_NET_GSO_TCPV4, 0, 54, false },
	{ TSO, 1, VIRTDEV_NET_GSO_TCPV4, 1448, 2001, false },
	{ TSO, 1, VIRTDEV_NET_GSO_TCPV4, 1448, 0, true },
	{ TSO, 1, VIRTDEV_NET_GSO_TCPV6, 1448, 54, false },
	{ TSO, 1, VIRTDEV_NET_GSO_UDP, 1448, 54, false },
	{ TSO, 1, VIRTDEV_NET_GSO_UDP_L4, 1448, 54, false },
	{ TSO, 1, 2, 1448, 54, false },
	{ TSO, 1, 0x7f, 1448, 54, false },
	{ TSO, 1, VIRTDEV_NET_GSO_ECN | 1, 1448, 54, false },
	{ TSO, 1, VIRTDEV_NET_GSO_ECN, 1448, 54, false },
	{ TSO | VIRTDEV_NET_F_HOST_ECN, 1, VIRTDEV_NET_GSO_ECN | 1, 1448, 54,
	  true },
	{ TSO | VIRTDEV_NET_F_HOST_USO, 1, VIRTDEV_NET_GSO_UDP_L4, 1448, 42,
	  true },
	{ TSO | VIRTDEV_NET_F_HOST_UFO, 1, VIRTDEV_NET_GSO_UDP, 1448, 42,
	  true },
	{ CSUM, 1, VIRTDEV_NET_GSO_TCPV4, 1448, 54, false },
	{ 0, 1, VIRTDEV_NET_GSO_NONE, 0, 0, false },
	{ 0, 0, VIRTDEV_NET_GSO_TCPV4, 1448, 54, false },
	{ 0, 0, VIRTDEV_NET_GSO_NONE, 77, 0xffff, true },
};

START_TEST(a5_04_unnegotiated_or_invalid_offloads_are_dropped)
{
	struct virtdev_net_header h = segments();

	net_rig_init(1, gsos[_i].features);
	h.flags = gsos[_i].flags;
	h.gso_type = gsos[_i].type;
	h.gso_size = vsu_le16_make(gsos[_i].size);
	h.hdr_len = vsu_le16_make(gsos[_i].hdr_len);
	ck_sent(&h, 2000, gsos[_i].good);
	h = plain();
	ck_sent(&h, 60, true);
	net_rig_fini();
}
END_TEST

START_TEST(a5_05_frame_too_large_for_segmentation_is_dropped)
{
	const struct virtdev_net_header h = segments();

	net_rig_init(1, TSO);
	ck_sent(&h, 65536 + 18, true);
	ck_sent(&h, 65536 + 19, false);
	ck_sent(&h, 0x100000 - 0x80000, false);
	net_rig_fini();
}
END_TEST

START_TEST(a5_14_frames_wait_for_a_link_without_room_and_survive_failures)
{
	const struct virtdev_net_header h = plain();

	net_rig_init(1, formats[_i]);
	ck_assert(!is_ready(1, 0));
	net_rig.link.send_code = -EAGAIN;
	send_frame(&h, 60, true);
	serve(1);
	ck_assert_int_eq(used_length(1, NULL), -1);
	ck_assert_uint_eq(vq_inflight(net_rig.q[1]), 0);
	ck_assert(is_ready(1, 0));
	net_rig.link.send_code = 0;
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 1);
	ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert(!is_ready(1, 0));
	net_rig.link.send_code = -EIO;
	ck_sent(&h, 60, false);
	net_rig.link.send_code = 0;
	ck_sent(&h, 60, true);
	net_rig_fini();
}
END_TEST

static uint64_t stat_of(const char *name)
{
	struct virtdev_stat stats[8];
	uint32_t n = virtdev_stats(net_rig.dev, stats, 8);

	while (n-- > 0)
		if (!strcmp(stats[n].name, name))
			return stats[n].value;
	return UINT64_MAX;
}

/* Queues n frames that contain their number, without serving the device. */
static void queue_frames(unsigned int first, unsigned int n)
{
	const struct virtdev_net_header h = plain();
	unsigned int i;

	for (i = first; i < first + n; i++) {
		const uint64_t gpa = GUEST_DATA + 0x1000u * i;
		const struct vq_buffer bufs[] = {
			{ gpa, HEADER, 0 }, { gpa + HEADER, 60 + i, 0 },
		};

		memcpy(guest_at(&net_rig.g, gpa), &h, HEADER);
		memset(guest_at(&net_rig.g, gpa + HEADER), (int)i, 60 + i);
		ck_assert_int_eq(vq_driver_add(net_rig.driver[1], bufs, 2, gpa),
				 0);
	}
	vq_driver_publish(net_rig.driver[1]);
}

/* Frames [first, first + n) were sent in order, beginning at index at. */
static void ck_sent_range(unsigned int at, unsigned int first, unsigned int n)
{
	const struct rig_frame *f = &net_rig.link.sent[at];

	ck_assert_uint_ge(net_rig.link.nsent, at + n);
	for (; n--; f++, first++) {
		ck_assert_uint_eq(f->len, HEADER + 60 + first);
		ck_assert_uint_eq(f->bytes[HEADER], first);
	}
}

START_TEST(a5_14_frames_without_room_keep_their_order)
{
	uint64_t gpa;
	unsigned int i;

	net_rig_init(1, formats[_i]);
	net_rig.link.send_code = -EAGAIN;
	net_rig.link.send_good = 3;
	queue_frames(0, 8);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 3);
	ck_assert_uint_eq(vq_inflight(net_rig.q[1]), 0);
	ck_assert(is_ready(1, 0));
	net_rig.link.send_code = 0;
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 8);
	ck_sent_range(0, 0, 8);
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(used_length(1, &gpa), 0);
		ck_assert_uint_eq(gpa, GUEST_DATA + 0x1000u * i);
	}
	ck_assert(!is_ready(1, 0));
	net_rig_fini();
}
END_TEST

START_TEST(a5_01_invalid_frame_drops_no_others)
{
	const struct vq_buffer none = { GUEST_DATA + 0x20000, HEADER + 3, 0 };
	unsigned int i;

	net_rig_init(1, formats[_i]);
	net_rig.link.send_code = -EAGAIN;
	net_rig.link.send_good = 1;
	queue_frames(0, 3);
	ck_assert_int_eq(vq_driver_add(net_rig.driver[1], &none, 1, 0), 0);
	queue_frames(4, 3);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 1);
	net_rig.link.send_code = 0;
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 6);
	ck_sent_range(0, 0, 3);
	ck_sent_range(3, 4, 3);
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert_uint_eq(net_rig.broken, 0);
	net_rig_fini();
}
END_TEST

/* Sixteen frames of 64 pieces exceed the pieces of a batch. */
START_TEST(frames_of_many_pieces_are_sent_in_order)
{
	const struct virtdev_net_header h = plain();
	struct vq_buffer bufs[64];
	unsigned int i;

	net_rig_init(1, VQ_F_INDIRECT_DESC);
	net_rig_stop(1);
	net_rig.indirect = 64;
	net_rig_start(1);
	memcpy(guest_at(&net_rig.g, GUEST_DATA), &h, HEADER);
	for (i = 0; i < 64; i++)
		bufs[i] = (struct vq_buffer){ GUEST_DATA + 0x100 * i,
					      i ? 10 : HEADER, 0 };
	for (i = 0; i < 16; i++) {
		bufs[63].len = i + 1;
		ck_assert_int_eq(vq_driver_add(net_rig.driver[1], bufs, 64, i),
				 0);
	}
	vq_driver_publish(net_rig.driver[1]);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 16);
	for (i = 0; i < 16; i++) {
		ck_assert_uint_eq(net_rig.link.sent[i].len, HEADER + 621 + i);
		ck_assert_int_eq(used_length(1, NULL), 0);
	}
	net_rig_fini();
}
END_TEST

static int far;	/* the peer of a card over a socket */

/* Creates a card over a packet socket with a small buffer. */
static void make_card(int type)
{
	struct virtdev_net_link *link;
	int pair[2], small = 4608;

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small,
				    sizeof(small)), 0);
	ck_assert_int_eq(virtdev_net_link_from_fd(pair[0], &link, NULL), 0);
	close(pair[0]);
	far = pair[1];
	net_rig_init_over(link, 0);
}

/* The next message is frame i of queue_frames(). */
static void ck_far_has(unsigned int i)
{
	unsigned char got[4096];

	ck_assert_int_eq(recv(far, got, sizeof(got), MSG_DONTWAIT), 60 + i);
	ck_assert_uint_eq(got[0], i);
}

static void end_card(unsigned int sent, unsigned int dropped)
{
	unsigned int i;

	for (i = 0; i < sent + dropped; i++)
		ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert_int_eq(recv(far, &i, sizeof(i), MSG_DONTWAIT), -1);
	ck_assert_uint_eq(stat_of("sent"), sent);
	ck_assert_uint_eq(stat_of("dropped"), dropped);
	net_rig_fini();
	close(far);
}

static const unsigned char rarp[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2, 3, 0x80, 0x35,
	0, 1, 8, 0, 6, 4, 0, 3, 0x52, 0x54, 0, 1, 2, 3, 0, 0, 0, 0, 0x52, 0x54, 0, 1, 2, 3,
};

/* The state of a card of a driver with these features, in a stopped card. */
static void load_state(void)
{
	void *bytes;
	size_t len;
	uint32_t i;

	ck_assert_int_eq(virtdev_state_take(net_rig.dev, &bytes, &len, NULL), 0);
	for (i = 0; i < RIG_QUEUES; i++)
		net_rig_stop(i);
	ck_assert_int_eq(virtdev_state_load(net_rig.dev, bytes, len, NULL), 0);
	free(bytes);
}

START_TEST(card_announces_a_moved_guest_whose_driver_cannot)
{
	unsigned char got[128];

	make_card(SOCK_DGRAM);
	load_state();
	ck_assert_int_eq(recv(far, got, sizeof(got), MSG_DONTWAIT), -1);
	net_rig_start(1);
	serve(1);
	ck_assert_int_eq(recv(far, got, sizeof(got), MSG_DONTWAIT), sizeof(rarp));
	ck_assert_mem_eq(got, rarp, sizeof(rarp));
	serve(1);
	end_card(0, 0);
}
END_TEST

#define ANNOUNCES (VIRTDEV_NET_F_CTRL_VQ | VIRTDEV_NET_F_GUEST_ANNOUNCE)

START_TEST(card_is_silent_if_the_driver_announces_or_the_guest_was_not_moved)
{
	net_rig_init(1, ANNOUNCES);
	load_state();
	net_rig_start(1);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	net_rig_fini();
	net_rig_init(1, 0);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	net_rig_fini();
}
END_TEST

START_TEST(announcement_waits_for_a_link_without_room)
{
	net_rig_init(1, 0);
	load_state();
	net_rig.link.send_code = -EAGAIN;
	net_rig_start(1);
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	ck_assert(is_ready(1, 0));
	net_rig.link.send_code = 0;
	serve(1);
	ck_assert_uint_eq(net_rig.link.nsent, 1);
	ck_assert_mem_eq(net_rig.link.sent[0].bytes + HEADER, rarp, sizeof(rarp));
	net_rig_fini();
}
END_TEST

/*
 * Sockets refuse one oversized message: only this frame is dropped and counted.
 */
START_TEST(a5_14_frame_too_long_for_a_socket_is_dropped_alone)
{
	const struct virtdev_net_header h = plain();

	make_card(SOCK_DGRAM);
	queue_frames(0, 2);
	send_frame(&h, 60000, true);
	queue_frames(3, 2);
	serve(1);
	ck_far_has(0);
	ck_far_has(1);
	ck_far_has(3);
	ck_far_has(4);
	end_card(4, 1);
}
END_TEST

/*
 * More frames than the peer's buffer holds: all are received, once and in
 * order.
 */
START_TEST(a5_14_frames_wait_for_room_in_a_socket_of_packets)
{
	unsigned int i;

	make_card(packet_types[_i]);
	queue_frames(0, 30);
	serve(1);
	ck_assert_uint_lt(stat_of("sent"), 30);
	for (i = 0; i < 30; i++) {
		ck_far_has(i);
		if (is_ready(1, 0))
			serve(1);
	}
	end_card(30, 0);
}
END_TEST

/* More frames than are given to the link at once. */
START_TEST(full_ring_of_frames_is_sent_in_order)
{
	const struct virtdev_net_header h = plain();
	unsigned char got[4 + 60 + RIG_SIZE];
	unsigned int i;

	make_card(SOCK_STREAM);
	for (i = 0; i < RIG_SIZE; i++)
		send_frame(&h, 60 + i, false);
	serve(1);
	for (i = 0; i < RIG_SIZE; i++) {
		ck_assert_int_eq(recv(far, got, 4 + 60 + i, MSG_DONTWAIT), 4 + 60 + i);
		ck_assert_uint_eq(got[3], 60 + i);
	}
	end_card(RIG_SIZE, 0);
}
END_TEST

START_TEST(link_with_buffered_frames_is_flushed)
{
	const struct virtdev_net_header h = plain();

	net_rig_init(1, 0);
	net_rig.link.flush_code = -EAGAIN;
	ck_sent(&h, 60, true);
	ck_assert(is_ready(1, 0));
	net_rig.link.flush_code = 0;
	serve(1);
	ck_assert(!is_ready(1, 0));
	net_rig_fini();
}
END_TEST

START_TEST(a1_15_frame_outside_memory_is_dropped)
{
	const struct virtdev_net_header h = plain();
	const struct vq_buffer bufs[] = {
		{ GUEST_DATA, HEADER, 0 }, { GUEST_HOLE, 60, 0 },
	};

	net_rig_init(1, 0);
	ck_assert_int_eq(vq_driver_add(net_rig.driver[1], bufs, 2, 0), 0);
	vq_driver_publish(net_rig.driver[1]);
	serve(1);
	ck_assert_int_eq(used_length(1, NULL), 0);
	ck_assert_uint_eq(net_rig.link.nsent, 0);
	ck_sent(&h, 60, true);
	net_rig_fini();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net send");
	TCase *tc = tcase_create("send");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, frame_is_sent_with_a_clean_header, 0, 4);
	tcase_add_test(tc, a5_01_chain_without_a_frame_is_dropped);
	tcase_add_test(tc, a5_02_header_over_many_descriptors_is_read);
	tcase_add_test(tc, a5_03_sum_beyond_the_frame_is_dropped);
	tcase_add_test(tc, a5_03_link_gets_the_header_that_was_checked);
	tcase_add_loop_test(tc,
			    a5_04_unnegotiated_or_invalid_offloads_are_dropped,
			    0, sizeof(gsos) / sizeof(gsos[0]));
	tcase_add_test(tc, a5_05_frame_too_large_for_segmentation_is_dropped);
	tcase_add_loop_test(tc,
			    a5_14_frames_wait_for_a_link_without_room_and_survive_failures,
			    0, 2);
	tcase_add_loop_test(tc,
			    a5_14_frames_without_room_keep_their_order,
			    0, 2);
	tcase_add_loop_test(tc,
			    a5_01_invalid_frame_drops_no_others,
			    0, 2);
	tcase_add_test(tc, frames_of_many_pieces_are_sent_in_order);
	tcase_add_test(tc, card_announces_a_moved_guest_whose_driver_cannot);
	tcase_add_test(tc, card_is_silent_if_the_driver_announces_or_the_guest_was_not_moved);
	tcase_add_test(tc, announcement_waits_for_a_link_without_room);
	tcase_add_test(tc, a5_14_frame_too_long_for_a_socket_is_dropped_alone);
	tcase_add_loop_test(tc,
			    a5_14_frames_wait_for_room_in_a_socket_of_packets,
			    0, 2);
	tcase_add_test(tc, full_ring_of_frames_is_sent_in_order);
	tcase_add_test(tc, link_with_buffered_frames_is_flushed);
	tcase_add_test(tc, a1_15_frame_outside_memory_is_dropped);
	return run_suite(s);
}
