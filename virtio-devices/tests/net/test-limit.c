/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a network device with rate limits; the test controls the clock. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "../net-rig.h"
#include "../suite.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define MERGE VIRTDEV_NET_F_MRG_RXBUF

static const struct virtdev_rate_limits none;
static uint64_t now_ns;
/* Under LTO gcc does not see that the linker refers to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns;
}

static void setup(void)
{
	now_ns = 100 * S;
	net_rig_init(1, MERGE | VQ_F_EVENT_IDX);
}

static void set(const struct virtdev_rate_limits *receive,
		const struct virtdev_rate_limits *send)
{
	ck_assert_int_eq(virtdev_net_set_limits(net_rig.dev, receive, send,
						NULL), 0);
}

static void limit_ops(bool receive, uint64_t rate, uint64_t burst)
{
	const struct virtdev_rate_limits limits = { 0, 0, rate, burst };

	set(receive ? &limits : NULL, receive ? NULL : &limits);
}

static void send_frames(unsigned int n, uint32_t len)
{
	const struct virtdev_net_header h = { 0 };

	while (n--)
		send_frame(&h, len, true);
}

/* Serves the queue; returns the number of used buffers. */
static unsigned int served(uint32_t queue)
{
	unsigned int n = 0;

	serve(queue);
	while (used_length(queue, NULL) >= 0)
		n++;
	return n;
}

static void queue_frames(unsigned int n, uint32_t len)
{
	while (n--) {
		link_queue_pattern(len, 1);
		add_buffer(0, GUEST_DATA + 0x2000 * n, 0x1000, true);
	}
}

START_TEST(frames_to_send_remain_in_the_ring)
{
	limit_ops(false, 10, 3);
	send_frames(5, 100);
	ck_assert_uint_eq(served(1), 3);
	ck_assert_uint_eq(net_rig.link.nsent, 3);
	ck_assert_uint_eq(net_rig.wait_ns, 100 * MS);
	ck_assert(!is_ready(1, 0));
	now_ns += net_rig.wait_ns;
	ck_assert_uint_eq(served(1), 1);
	now_ns += S;
	ck_assert_uint_eq(served(1), 1);
	ck_assert_uint_eq(net_rig.link.nsent, 5);
}
END_TEST

/* The link's descriptor is readable all the time. */
START_TEST(received_frames_remain_in_the_link)
{
	limit_ops(true, 10, 2);
	queue_frames(4, 100);
	ck_assert_uint_eq(served(0), 2);
	ck_assert_uint_eq(net_rig.link.received, 2);
	ck_assert_uint_eq(net_rig.wait_ns, 100 * MS);
	ck_assert(!is_ready(0, 0));
	now_ns += net_rig.wait_ns;
	ck_assert_uint_eq(served(0), 1);
	now_ns += S;
	ck_assert_uint_eq(served(0), 1);
	ck_assert_uint_eq(served(0), 0);
}
END_TEST

START_TEST(directions_have_limits_of_their_own)
{
	limit_ops(true, 1, 1);
	send_frames(8, 100);
	ck_assert_uint_eq(served(1), 8);
	queue_frames(2, 100);
	ck_assert_uint_eq(served(0), 1);
	set(&none, NULL);
	ck_assert_uint_eq(served(0), 1);
}
END_TEST

START_TEST(bytes_are_those_of_the_frame)
{
	const struct virtdev_rate_limits limits = { 1000, 1000, 0, 0 };

	set(NULL, &limits);
	send_frames(6, 250);
	ck_assert_uint_eq(served(1), 4);
	now_ns += 251 * MS;
	ck_assert_uint_eq(served(1), 2);
}
END_TEST

START_TEST(frame_larger_than_the_burst_passes)
{
	const struct virtdev_rate_limits limits = { 100, 1, 0, 0 };

	set(&limits, &limits);
	send_frames(2, 1000);
	ck_assert_uint_eq(served(1), 1);
	queue_frames(2, 1000);
	ck_assert_uint_eq(served(0), 1);
	now_ns += 10 * S;
	ck_assert_uint_eq(served(0), 1);
	ck_assert_uint_eq(served(1), 1);
}
END_TEST

START_TEST(frames_that_the_full_link_refuses_do_not_count)
{
	limit_ops(false, 1, 4);
	net_rig.link.send_code = -EAGAIN;
	send_frames(4, 100);
	ck_assert_uint_eq(served(1), 0);
	net_rig.link.send_code = 0;
	ck_assert_uint_eq(served(1), 4);
}
END_TEST

START_TEST(full_link_is_waited_for_although_a_limit_applies)
{
	limit_ops(false, 1, 2);
	net_rig.link.flush_code = -EAGAIN;
	send_frames(4, 100);
	served(1);
	ck_assert(is_ready(1, 0));
	net_rig.link.flush_code = 0;
	served(1);
	ck_assert_uint_eq(net_rig.waits, 1);
}
END_TEST

START_TEST(queue_of_a_limited_device_stops_and_starts)
{
	limit_ops(false, 1, 1);
	send_frames(2, 100);
	ck_assert_uint_eq(served(1), 1);
	ck_assert_int_eq(virtdev_queue_drain(net_rig.dev, 1), 0);
	net_rig_stop(1);
	net_rig_start(1);
	send_frames(1, 100);
	ck_assert_uint_eq(served(1), 0);
	now_ns += S;
	ck_assert_uint_eq(served(1), 1);
}
END_TEST

START_TEST(invalid_limits_change_no_direction)
{
	const struct virtdev_rate_limits bad = { .bytes_burst = 1 };
	const struct virtdev_rate_limits good = { .ops = 1 };

	ck_assert_int_eq(virtdev_net_set_limits(net_rig.dev, &good, &bad, NULL),
			 -EINVAL);
	ck_assert_int_eq(virtdev_net_set_limits(net_rig.dev, &bad, NULL, NULL),
			 -EINVAL);
	queue_frames(3, 100);
	ck_assert_uint_eq(served(0), 3);
	ck_assert_uint_eq(net_rig.waits, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net limit");
	TCase *tc = tcase_create("limit");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, net_rig_fini);
	tcase_add_test(tc, frames_to_send_remain_in_the_ring);
	tcase_add_test(tc, received_frames_remain_in_the_link);
	tcase_add_test(tc, directions_have_limits_of_their_own);
	tcase_add_test(tc, bytes_are_those_of_the_frame);
	tcase_add_test(tc, frame_larger_than_the_burst_passes);
	tcase_add_test(tc, frames_that_the_full_link_refuses_do_not_count);
	tcase_add_test(tc, full_link_is_waited_for_although_a_limit_applies);
	tcase_add_test(tc, queue_of_a_limited_device_stops_and_starts);
	tcase_add_test(tc, invalid_limits_change_no_direction);
	return run_suite(s);
}
