/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the frames of "bench", also with a card that drops or invents frames. */
#include <config.h>

#include <check.h>

#include <virtio-devices/net.h>
#include <vmm-sys-util/event.h>

#include "../../tests/support/suite.h"
#include "plant.h"

#define RX 0u
#define TX 1u
#define HEADER sizeof(struct virtdev_net_header)
#define FRAMES 64u
#define ROOM 16384u

/* A link that returns frames in order, or drops some. */
static struct {
	int fd;
	unsigned int first, n, sent;
	size_t len[FRAMES];
	unsigned char bytes[FRAMES][ROOM];
} echo;
static unsigned int drop_every;		/* 1: all; 0: none */

static int echo_fd(void *self, uint32_t lane)
{
	(void)self;
	(void)lane;
	return echo.fd;
}

static int echo_send(void *self, uint32_t lane, const struct iovec *iov, int n)
{
	unsigned char *bytes = echo.bytes[(echo.first + echo.n) % FRAMES];
	size_t len = 0;
	int i;

	(void)self;
	(void)lane;
	if (echo.n == FRAMES)
		return -EAGAIN;
	if (drop_every && ++echo.sent % drop_every == 0)
		return 0;
	for (i = 0; i < n; len += iov[i++].iov_len)
		memcpy(bytes + len, iov[i].iov_base, iov[i].iov_len);
	echo.len[(echo.first + echo.n++) % FRAMES] = len;
	vsu_event_signal(echo.fd);
	return 0;
}

/* The end of the header, num_buffers, is the device's. */
static ssize_t echo_receive(void *self, uint32_t lane, const struct iovec *iov, int n)
{
	const size_t len = echo.len[echo.first];
	unsigned char *bytes = echo.bytes[echo.first];
	size_t done = 0, part;
	int i;

	(void)self;
	(void)lane;
	if (!echo.n) {
		vsu_event_drain(echo.fd, NULL);
		return -EAGAIN;
	}
	memcpy(bytes + 10, (unsigned char *)iov[0].iov_base + 10, 2);
	for (i = 0; i < n && done < len; i++, done += part) {
		part = len - done < iov[i].iov_len ? len - done : iov[i].iov_len;
		memcpy(iov[i].iov_base, bytes + done, part);
	}
	echo.first = (echo.first + 1) % FRAMES;
	echo.n--;
	return (ssize_t)done;
}

static int make_net(struct virtdev **out)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "echo", .fd = echo_fd, .receive = echo_receive, .send = echo_send,
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct virtdev_net_config config = { .size = sizeof(config), .mac = { 0x52, 0x54, 0, 1, 2, 3 } };
	int rc;

	echo.fd = vsu_event_new();
	rc = echo.fd < 0 ? echo.fd : virtdev_net_link_new(&ops, &info, &echo, &config.link);
	return rc < 0 ? rc : virtdev_net_new(&config, out, &err);
}

static void net_setup(void)
{
	bench_setup();
	make_device = make_net;
	drop_every = 0;
	load.request = bench_net.requests;
	load.size = 64;
	load.depth = 4;
}

static void expect_frames_back(void)
{
	load.request = bench_net.requests + 1;
	ck_assert_str_eq(load.request->name, "echo");
}

START_TEST(each_slot_sends_a_frame)
{
	ck_assert_msg(run(&bench_net) == VSU_EXIT_OK, "%s", err.msg);
	ck_assert_uint_ge(stats.requests, 4);
	ck_assert_uint_eq(stats.lost, 0);
}
END_TEST

START_TEST(each_frame_comes_back)
{
	static const uint32_t sizes[] = { 60, 1514, 9000 };

	expect_frames_back();
	load.size = sizes[_i];
	ck_assert_msg(run(&bench_net) == VSU_EXIT_OK, "%s", err.msg);
	ck_assert_uint_ge(stats.requests, 4);
	ck_assert_uint_eq(stats.lost, 0);
}
END_TEST

START_TEST(dropped_frames_are_lost_and_the_load_goes_on)
{
	expect_frames_back();
	load.lost_ms = 3000;
	drop_every = 2;
	ck_assert_msg(run(&bench_net) == VSU_EXIT_OK, "%s", err.msg);
	ck_assert_uint_ge(stats.requests, 2);
	ck_assert_uint_ge(stats.lost, 2);
}
END_TEST

START_TEST(a_card_that_returns_no_frame_is_named_with_the_remedy)
{
	expect_frames_back();
	load.lost_ms = 1;
	drop_every = 1;
	run_fails(&bench_net, VSU_EXIT_HOST, "no frame came back");
	ck_assert_ptr_nonnull(strstr(err.msg, "--request=send"));
}
END_TEST

START_TEST(queues_that_the_card_lacks_are_refused)
{
	load.queues = 2;
	run_fails(&bench_net, VSU_EXIT_DATA, "--queues");
}
END_TEST

START_TEST(a_back_end_that_stops_is_given_up)
{
	late_ms = 1;
	kick_signal = SIGSTOP;
	run_fails(&bench_net, VSU_EXIT_HOST, "4 requests did not complete within 1ms");
}
END_TEST

/* The frame that was sent last is received, with these values. */
struct arrival_row {
	uint16_t buffers;
	uint32_t written;
	const char *text;
};

static const struct arrival_row arrivals[] = {
	{ 1, UINT32_MAX, "64 bytes came back with 116" },
	{ 1, 5, "5 bytes without a valid header" },
	{ 0, HEADER + 64, "valid header and number of buffers" },
	{ 60000, HEADER + 64, "valid header and number of buffers" },
	{ 1, HEADER + 63, "came back with 63" },
};

static const struct arrival_row *arrival;

static uint64_t buffer_of(const struct queues *q, uint32_t ring, uint16_t head)
{
	uint64_t gpa;

	memcpy(&gpa, AT(vq_driver_desc_gpa(q->rings[ring].driver)) + 16 * head, sizeof(gpa));
	return gpa;
}

static void plant_arrival(struct queues *q)
{
	const uint16_t head = last_head(q, RX);
	const uint64_t from = buffer_of(q, TX, last_head(q, TX));
	unsigned char *to = queues_at(q, buffer_of(q, RX, head), HEADER + 64);

	memcpy(to, queues_at(q, from, HEADER + 64), HEADER + 64);
	memcpy(to + 10, &arrival->buffers, sizeof(arrival->buffers));
	use(q, RX, head, arrival->written);
}

START_TEST(an_arrival_is_judged)
{
	expect_frames_back();
	arrival = &arrivals[_i];
	plant = plant_arrival;
	kick_signal = SIGSTOP;
	load.timeout_ms = 2000;
	run_fails(&bench_net, VSU_EXIT_HOST, arrival->text);
}
END_TEST

static void plant_id(struct queues *q)
{
	use(q, RX, q->size, 64);
}

START_TEST(a_used_ring_of_a_hostile_back_end_ends_the_load)
{
	expect_frames_back();
	plant = plant_id;
	kick_signal = SIGSTOP;
	load.timeout_ms = 2000;
	run_fails(&bench_net, VSU_EXIT_HOST, "its ring");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench-net");
	TCase *tc = tcase_create("bench-net");

	tcase_add_checked_fixture(tc, net_setup, bench_teardown);
	tcase_add_test(tc, each_slot_sends_a_frame);
	tcase_add_loop_test(tc, each_frame_comes_back, 0, 3);
	tcase_add_test(tc, dropped_frames_are_lost_and_the_load_goes_on);
	tcase_add_test(tc, a_card_that_returns_no_frame_is_named_with_the_remedy);
	tcase_add_test(tc, queues_that_the_card_lacks_are_refused);
	tcase_add_test(tc, a_back_end_that_stops_is_given_up);
	tcase_add_loop_test(tc, an_arrival_is_judged, 0, sizeof(arrivals) / sizeof(arrivals[0]));
	tcase_add_test(tc, a_used_ring_of_a_hostile_back_end_ends_the_load);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
