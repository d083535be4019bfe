/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about frames from the link to the driver. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../net-rig.h"
#include "../suite.h"

#define MRG VIRTDEV_NET_F_MRG_RXBUF

/* Address of receive buffer n. */
static uint64_t place(unsigned int n)
{
	return GUEST_DATA + 0x1000u * n;
}

static void add_buffers(unsigned int first, unsigned int n, uint32_t len)
{
	for (; n--; first++)
		add_buffer(0, place(first), len, true);
}

static unsigned int num_buffers(uint64_t gpa)
{
	const struct virtdev_net_header *h =
		(const void *)guest_at(&net_rig.g, gpa);

	return vsu_le16_load(h->num_buffers);
}

/* Byte i of a frame of link_queue_pattern(), not counting its header. */
static unsigned char pattern(uint32_t i, unsigned char seed)
{
	unsigned char byte = (unsigned char)(seed + i * 7 + i / 251);

	return i ? byte : byte & 0xfe;
}

/*
 * A frame of len bytes was received in buffers of room bytes each, beginning
 * with buffer first.
 */
static void ck_frame(unsigned int first, uint32_t room, uint32_t len,
		     unsigned char seed)
{
	const unsigned char *piece = NULL;
	uint32_t i, at;

	for (i = 0; i < len; i++) {
		at = HEADER + i;
		if (!(at % room) || !i)
			piece = guest_at(&net_rig.g, place(first + at / room));
		if (piece[at % room] != pattern(i, seed))
			break;
	}
	ck_assert_uint_eq(i, len);
}

static const uint64_t formats[] = { 0, VQ_F_RING_PACKED };

START_TEST(frame_fills_one_buffer_after_its_header)
{
	uint64_t gpa;

	net_rig_init(1, formats[_i]);
	add_buffers(0, 2, 2048);
	link_queue_pattern(1000, 3);
	serve(0);
	ck_assert_int_eq(used_length(0, &gpa), HEADER + 1000);
	ck_assert_uint_eq(gpa, place(0));
	ck_frame(0, 2048, 1000, 3);
	ck_assert_uint_eq(num_buffers(place(0)), 1);
	ck_assert_int_eq(used_length(0, NULL), -1);
	ck_assert_uint_eq(net_rig.notified, 1);
}
END_TEST

START_TEST(long_frame_is_spread_over_merged_buffers)
{
	net_rig_init(1, MRG | formats[_i]);
	add_buffers(0, 40, 1536);
	link_queue_pattern(1000, 1);
	link_queue_pattern(1514, 9);
	/* longer than previous frames: received through a copy */
	link_queue_pattern(9000, 5);
	link_queue_pattern(9000, 6);	/* received directly */
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 1000);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 1514);
	ck_assert_uint_eq(num_buffers(place(1)), 1);
	ck_frame(2, 1536, 9000, 5);
	ck_frame(8, 1536, 9000, 6);
	ck_assert_uint_eq(num_buffers(place(2)), 6);
	ck_assert_uint_eq(num_buffers(place(8)), 6);
	for (_i = 0; _i < 12; _i++)
		ck_assert_int_eq(used_length(0, NULL),
				 _i % 6 < 5 ? 1536 : HEADER + 9000 - 5 * 1536);
	ck_assert_int_eq(used_length(0, NULL), -1);
}
END_TEST

START_TEST(a5_06_frame_waits_until_enough_buffers_are_available)
{
	net_rig_init(1, MRG | formats[_i]);
	add_buffers(0, 3, 1536);
	link_queue_pattern(9000, 5);
	link_queue_pattern(60, 7);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), -1);
	ck_assert_uint_eq(vq_inflight(net_rig.q[0]), 0);
	ck_assert(!is_ready(0, 0));
	add_buffers(3, 4, 1536);
	serve(0);
	ck_frame(0, 1536, 9000, 5);
	ck_assert_uint_eq(num_buffers(place(0)), 6);
	ck_frame(6, 1536, 60, 7);
}
END_TEST

START_TEST(a5_06_frame_larger_than_all_buffers_is_dropped)
{
	unsigned int i;

	net_rig_init(1, MRG);
	/* the ring has 64 buffers */
	for (i = 0; i < RIG_SIZE; i++)
		add_buffer(0, place(0) + 64 * i, 64, true);
	link_queue_pattern(9000, 5);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), -1);
	ck_assert_uint_eq(vq_inflight(net_rig.q[0]), 0);
	ck_assert_uint_eq(net_rig.broken, 0);
}
END_TEST

/* As after a state without merging that is loaded while the queue runs. */
START_TEST(a5_06_frame_that_waits_is_dropped_when_merging_ends)
{
	struct virtdev_stat stats[5];
	unsigned int i;

	net_rig_init(1, MRG);
	for (i = 0; i < 16; i++)
		add_buffer(0, place(0) + 64 * i, 64, true);
	link_queue_pattern(1514, 5);
	serve(0);
	ck_assert_int_eq(virtdev_set_features(net_rig.dev, VQ_F_VERSION_1, NULL), 0);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), -1);
	ck_assert_uint_eq(virtdev_stats(net_rig.dev, stats, 5), 5);
	ck_assert_uint_eq(stats[4].value, 1);
	link_queue_pattern(30, 7);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 30);
}
END_TEST

START_TEST(a5_07_buffer_too_small_for_the_header_is_returned_empty)
{
	net_rig_init(1, _i ? MRG : 0);
	add_buffer(0, place(0), HEADER - 1, true);
	add_buffer(0, place(1), 2048, true);
	link_queue_pattern(100, 2);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), 0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 100);
	ck_frame(1, 2048, 100, 2);
	ck_assert_uint_eq(net_rig.broken, 0);
}
END_TEST

START_TEST(a5_07_frame_longer_than_its_buffer_is_dropped_without_merging)
{
	struct virtdev_stat stats[5];

	net_rig_init(1, 0);
	add_buffers(0, 2, 1000);
	link_queue_pattern(1500, 2);
	link_queue_pattern(500, 4);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 500);
	ck_frame(0, 1000, 500, 4);
	ck_assert_int_eq(used_length(0, NULL), -1);
	ck_assert_uint_eq(virtdev_stats(net_rig.dev, stats, 5), 5);
	ck_assert_uint_eq(stats[0].value, 1);
	ck_assert_uint_eq(stats[2].value, 500);
	ck_assert_uint_eq(stats[4].value, 1);
}
END_TEST

START_TEST(a1_15_a1_20_unwritable_buffers_are_returned_empty)
{
	net_rig_init(1, MRG);
	add_buffer(0, GUEST_HOLE, 2048, true);
	add_buffer(0, GUEST_ROM, 2048, true);
	add_buffer(0, place(0), 2048, false);
	add_buffer(0, place(1), 2048, true);
	link_queue_pattern(100, 2);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), 0);
	ck_assert_int_eq(used_length(0, NULL), 0);
	ck_assert_int_eq(used_length(0, NULL), 0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 100);
}
END_TEST

START_TEST(a5_13_frames_wait_in_the_link_without_buffers)
{
	net_rig_init(1, MRG | formats[_i] | VQ_F_EVENT_IDX);
	link_queue_pattern(100, 1);
	link_queue_pattern(100, 2);
	serve(0);
	ck_assert_uint_eq(net_rig.link.received, 0);
	/* no busy loop: only a kick resumes the queue */
	ck_assert(!is_ready(0, 0));
	add_buffers(0, 2, 2048);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 100);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 100);
	ck_assert_uint_eq(net_rig.link.received, 2);
}
END_TEST

START_TEST(idle_queue_is_woken_by_the_link_and_not_by_buffers)
{
	const struct vq_buffer buf = { place(8), 2048, 1 };

	net_rig_init(1, MRG);
	add_buffers(0, 2, 2048);
	serve(0);
	ck_assert(is_ready(0, 0));
	ck_assert_int_eq(vq_driver_add(net_rig.driver[0], &buf, 1, 0), 0);
	ck_assert(!vq_driver_publish(net_rig.driver[0]));
}
END_TEST

/* Sixteen buffers of 64 pieces exceed the pieces of a stock, which holds one of them. */
START_TEST(buffers_of_many_pieces_are_filled_without_merging)
{
	struct vq_buffer bufs[64];
	unsigned int i;

	net_rig_init(1, VQ_F_INDIRECT_DESC);
	net_rig_stop(0);
	net_rig.indirect = 64;
	net_rig_start(0);
	for (i = 0; i < 16 * 64; i++) {
		bufs[i % 64] = (struct vq_buffer){ GUEST_DATA + 32 * i, 32, 1 };
		if (i % 64 == 63)
			ck_assert_int_eq(vq_driver_add(net_rig.driver[0], bufs, 64, i), 0);
	}
	vq_driver_publish(net_rig.driver[0]);
	for (i = 0; i < 16; i++)
		link_queue_pattern(100, (unsigned char)i);
	serve(0);
	for (i = 0; i < 16; i++)
		ck_assert_int_eq(used_length(0, NULL), HEADER + 100);
}
END_TEST

START_TEST(a5_14_failures_of_the_link_are_survived)
{
	static const int codes[] = { -EIO, -EAGAIN, -ENOMSG, -EMSGSIZE,
				     -ENOBUFS };

	net_rig_init(1, MRG);
	add_buffers(0, 2, 2048);
	net_rig.link.receive_code = codes[_i];
	ck_assert_int_ge(virtdev_queue_serve(net_rig.dev, 0), 0);
	ck_assert_uint_eq(net_rig.changed, 0);
	net_rig.link.receive_code = 0;
	link_queue_pattern(100, 1);
	serve(0);
	ck_assert_int_eq(used_length(0, NULL), HEADER + 100);
}
END_TEST

START_TEST(end_of_the_link_is_reported_once)
{
	net_rig_init(1, MRG);
	add_buffers(0, 2, 2048);
	ck_assert_uint_eq(card_status(), VIRTDEV_NET_S_LINK_UP);
	net_rig.link.receive_code = -EPIPE;
	serve(0);
	serve(0);
	ck_assert_uint_eq(net_rig.changed, 1);
	ck_assert_uint_eq(card_status(), 0);
	ck_assert(!is_ready(0, 0));
}
END_TEST

START_TEST(turn_is_bounded)
{
	unsigned int i;

	net_rig_init(1, MRG);
	for (i = 0; i < RIG_SIZE; i++)
		add_buffer(0, GUEST_HOLE, 2048, true);
	for (i = 0; i < 100; i++) {
		ck_assert_int_ge(virtdev_queue_serve(net_rig.dev, 0), 0);
		while (used_length(0, NULL) == 0)
			add_buffer(0, GUEST_HOLE, 2048, true);
	}
	serve(0);
	while (used_length(0, NULL) == 0)
		;
	net_rig.link.receive_code = -ENOMSG;	/* endless */
	add_buffers(0, 1, 2048);
	for (i = 0; i < 10; i++)
		ck_assert_int_le(virtdev_queue_serve(net_rig.dev, 0), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net receive");
	TCase *tc = tcase_create("receive");

	tcase_add_checked_fixture(tc, NULL, net_rig_fini);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, frame_fills_one_buffer_after_its_header, 0,
			    2);
	tcase_add_loop_test(tc, long_frame_is_spread_over_merged_buffers, 0,
			    2);
	tcase_add_loop_test(tc,
			    a5_06_frame_waits_until_enough_buffers_are_available,
			    0, 2);
	tcase_add_test(tc,
		       a5_06_frame_larger_than_all_buffers_is_dropped);
	tcase_add_test(tc, a5_06_frame_that_waits_is_dropped_when_merging_ends);
	tcase_add_loop_test(tc,
			    a5_07_buffer_too_small_for_the_header_is_returned_empty,
			    0, 2);
	tcase_add_test(tc,
		       a5_07_frame_longer_than_its_buffer_is_dropped_without_merging);
	tcase_add_test(tc,
		       a1_15_a1_20_unwritable_buffers_are_returned_empty);
	tcase_add_loop_test(tc,
			    a5_13_frames_wait_in_the_link_without_buffers,
			    0, 2);
	tcase_add_test(tc, buffers_of_many_pieces_are_filled_without_merging);
	tcase_add_test(tc, idle_queue_is_woken_by_the_link_and_not_by_buffers);
	tcase_add_loop_test(tc, a5_14_failures_of_the_link_are_survived, 0, 5);
	tcase_add_test(tc, end_of_the_link_is_reported_once);
	tcase_add_test(tc, turn_is_bounded);
	return run_suite(s);
}
