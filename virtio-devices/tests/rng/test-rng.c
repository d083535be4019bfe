/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the entropy device, under a clock that the test moves. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/rng.h>
#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "../suite.h"

#define S UINT64_C(1000000000)

static uint64_t now_ns;
/* Used: under LTO nothing else tells gcc that the linker will refer to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns;
}

struct rig {
	struct guest g;
	struct virtdev *dev;
	unsigned int notified;
};

static struct rig rig;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	rig.notified++;
}

static void setup_rate(uint64_t rate, uint64_t features)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_notify,
	};
	const struct virtdev_rng_config config = {
		.size = sizeof(config), .rate = rate,
	};

	memset(&rig, 0, sizeof(rig));
	now_ns = 100 * S;
	guest_init(&rig.g, features, 16, 0, 16);
	ck_assert_int_eq(virtdev_rng_new(&config, &rig.dev, NULL), 0);
	virtdev_set_server(rig.dev, &server, NULL);
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, NULL), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(virtdev_queue_drain(rig.dev, 0), 0);
	virtdev_queue_stop(rig.dev, 0);
	virtdev_free(rig.dev);
	guest_fini(&rig.g);
}

static void ask(uint64_t gpa, uint32_t len, bool writable)
{
	const struct vq_buffer buf = { gpa, len, writable };

	ck_assert_int_eq(vq_driver_add(rig.g.driver, &buf, 1, gpa), 0);
	vq_driver_publish(rig.g.driver);
}

/* Bytes that the next answered buffer got, or -1 when there is none. */
static int64_t answer(void)
{
	uint64_t cookie;
	uint32_t len;

	if (vq_driver_collect(rig.g.driver, &cookie, &len) != 1)
		return -1;
	return len;
}

static int serve(void)
{
	return virtdev_queue_serve(rig.dev, 0);
}

static unsigned int zeros(uint64_t gpa, uint32_t len)
{
	unsigned int n = 0;

	while (len--)
		n += *guest_at(&rig.g, gpa + len) == 0;
	return n;
}

static const uint64_t formats[] = { 0, VQ_F_RING_PACKED };

START_TEST(a_buffer_is_filled_with_noise)
{
	struct virtdev_stat given;

	setup_rate(0, formats[_i]);
	ask(GUEST_DATA, 1024, true);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), 1024);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(virtdev_stats(rig.dev, &given, 1), 1);
	ck_assert_uint_eq(given.value, 1024);
	ck_assert_uint_lt(zeros(GUEST_DATA, 1024), 64); /* 4 are expected */
	teardown();
}
END_TEST

START_TEST(it_says_what_it_is)
{
	setup_rate(0, 0);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->id, VIRTDEV_ID_ENTROPY);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->nqueues, 1);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->config_size, 0);
	ck_assert_int_eq(virtdev_queue_host_fd(rig.dev, 0), -1);
	teardown();
}
END_TEST

START_TEST(a_long_buffer_gets_its_beginning_only)
{
	setup_rate(0, 0);
	ask(GUEST_DATA, 8192, true);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), VIRTDEV_RNG_MAX);
	ck_assert_uint_eq(zeros(GUEST_DATA + VIRTDEV_RNG_MAX, 4096), 4096);
	teardown();
}
END_TEST

START_TEST(a1_15_a1_20_a_buffer_that_cannot_be_written_comes_back_empty)
{
	setup_rate(0, 0);
	ask(GUEST_DATA, 64, false);
	ask(GUEST_HOLE, 64, true);
	ask(GUEST_ROM, 64, true);
	ask(GUEST_DATA, 64, true);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), 0);
	ck_assert_int_eq(answer(), 0);
	ck_assert_int_eq(answer(), 0);
	ck_assert_int_eq(answer(), 64);
	teardown();
}
END_TEST

START_TEST(it_gives_a_seconds_worth_and_then_waits)
{
	setup_rate(100, 0);
	ask(GUEST_DATA, 64, true);
	ask(GUEST_DATA + 64, 64, true);
	ask(GUEST_DATA + 128, 64, true);
	while (serve() > 0)
		;
	ck_assert_int_eq(answer(), 64);
	ck_assert_int_eq(answer(), 36);
	ck_assert_int_eq(answer(), -1);
	teardown();
}
END_TEST

/* The timer is real: the rate is such that it takes a millisecond. */
static void wait_for_timer(void)
{
	struct pollfd p = { .fd = virtdev_queue_host_fd(rig.dev, 0),
			    .events = POLLIN };

	ck_assert_int_ge(p.fd, 0);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

START_TEST(its_descriptor_tells_when_there_is_more)
{
	const uint32_t rate = 1000 * VIRTDEV_RNG_MAX;
	uint32_t i;

	setup_rate(rate, 0);
	for (i = 0; i < 1000; i++) {
		ask(GUEST_DATA, VIRTDEV_RNG_MAX, true);
		while (serve() > 0)
			;
		ck_assert_int_eq(answer(), VIRTDEV_RNG_MAX);
	}
	ask(GUEST_DATA, VIRTDEV_RNG_MAX, true);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), -1);
	wait_for_timer();
	now_ns += S / 1000;
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), VIRTDEV_RNG_MAX);
	teardown();
}
END_TEST

START_TEST(kicks_bring_nothing_before_the_time)
{
	setup_rate(64, 0);
	ask(GUEST_DATA, 64, true);
	serve();
	ck_assert_int_eq(answer(), 64);
	ask(GUEST_DATA, 64, true);
	now_ns += S / 2;
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), -1);
	teardown();
}
END_TEST

START_TEST(time_that_was_not_used_brings_a_seconds_worth_at_most)
{
	setup_rate(1000, 0);
	now_ns += 3600 * S;
	ask(GUEST_DATA, 4096, true);
	serve();
	ck_assert_int_eq(answer(), 1000);
	teardown();
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	struct virtdev_rng_config config = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_rng_new(&config, &dev, &err), -EINVAL);
	ck_assert(strstr(err.msg, "struct virtdev_rng_config"));
	config.size = sizeof(config);
	config.queue_size_max = 32769;
	ck_assert_int_eq(virtdev_rng_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg,
		"rng: a queue of 32769 entries; at most 32768 are possible");
}
END_TEST

/* Of an older caller, whose struct ends behind the rate. */
START_TEST(a_shorter_struct_means_the_defaults)
{
	struct virtdev_rng_config config = {
		.size = offsetof(struct virtdev_rng_config, queue_size_max),
		.queue_size_max = 7,
	};
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_rng_new(&config, &dev, NULL), 0);
	ck_assert_uint_eq(virtdev_get_info(dev)->queue_size_max, 256);
	virtdev_free(dev);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rng");
	TCase *tc = tcase_create("rng");

	tcase_add_loop_test(tc, a_buffer_is_filled_with_noise, 0, 2);
	tcase_add_test(tc, it_says_what_it_is);
	tcase_add_test(tc, a_long_buffer_gets_its_beginning_only);
	tcase_add_test(tc,
		       a1_15_a1_20_a_buffer_that_cannot_be_written_comes_back_empty);
	tcase_add_test(tc, it_gives_a_seconds_worth_and_then_waits);
	tcase_add_test(tc, its_descriptor_tells_when_there_is_more);
	tcase_add_test(tc, kicks_bring_nothing_before_the_time);
	tcase_add_test(tc,
		       time_that_was_not_used_brings_a_seconds_worth_at_most);
	tcase_add_test(tc, what_cannot_be_is_refused);
	tcase_add_test(tc, a_shorter_struct_means_the_defaults);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
