/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the entropy device; the test controls the clock. */
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
/* Under LTO gcc does not see that the linker refers to it. */
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
	ck_assert_int_eq(virtdev_set_server(rig.dev, &server, NULL), 0);
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

/* The length written to the next used buffer, or -1 if none is used. */
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

START_TEST(buffer_is_filled_with_random_bytes)
{
	struct virtdev_stat given;

	setup_rate(0, formats[_i]);
	ask(GUEST_DATA, 1024, true);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), 1024);
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_uint_eq(virtdev_stats(rig.dev, &given, 1), 1);
	ck_assert_uint_eq(given.value, 1024);
	/* 4 zeros are expected on average */
	ck_assert_uint_lt(zeros(GUEST_DATA, 1024), 64);
	teardown();
}
END_TEST

START_TEST(device_has_its_id_and_queues)
{
	setup_rate(0, 0);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->id, VIRTDEV_ID_ENTROPY);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->nqueues, 1);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->config_size, 0);
	ck_assert_int_eq(virtdev_queue_host_fd(rig.dev, 0), -1);
	teardown();
}
END_TEST

START_TEST(long_buffer_is_filled_partly)
{
	setup_rate(0, 0);
	ask(GUEST_DATA, 8192, true);
	ck_assert_int_eq(serve(), 0);
	ck_assert_int_eq(answer(), VIRTDEV_RNG_MAX);
	ck_assert_uint_eq(zeros(GUEST_DATA + VIRTDEV_RNG_MAX, 4096), 4096);
	teardown();
}
END_TEST

START_TEST(a1_15_a1_20_unwritable_buffer_is_returned_empty)
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

START_TEST(requests_beyond_one_second_of_the_rate_wait)
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

START_TEST(buffer_behind_the_last_byte_of_the_rate_is_not_returned)
{
	setup_rate(VIRTDEV_RNG_MAX, 0);
	ask(GUEST_DATA, VIRTDEV_RNG_MAX, true);
	ask(GUEST_DATA, VIRTDEV_RNG_MAX, true);
	while (serve() > 0)
		;
	ck_assert_int_eq(answer(), VIRTDEV_RNG_MAX);
	ck_assert_int_eq(answer(), -1);
	teardown();
}
END_TEST

/* The timer is real; at this rate it expires after a millisecond. */
static void wait_for_timer(void)
{
	struct pollfd p = { .fd = virtdev_queue_host_fd(rig.dev, 0),
			    .events = POLLIN };

	ck_assert_int_ge(p.fd, 0);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

START_TEST(descriptor_is_readable_when_bytes_are_available)
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

START_TEST(kicks_do_not_bypass_the_rate)
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

START_TEST(unused_time_accumulates_at_most_one_second)
{
	setup_rate(1000, 0);
	now_ns += 3600 * S;
	ask(GUEST_DATA, 4096, true);
	serve();
	ck_assert_int_eq(answer(), 1000);
	teardown();
}
END_TEST

START_TEST(invalid_configuration_is_refused)
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

/* The struct of an older caller ends after the rate. */
START_TEST(shorter_struct_selects_the_defaults)
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

	tcase_add_loop_test(tc, buffer_is_filled_with_random_bytes, 0, 2);
	tcase_add_test(tc, device_has_its_id_and_queues);
	tcase_add_test(tc, long_buffer_is_filled_partly);
	tcase_add_test(tc,
		       a1_15_a1_20_unwritable_buffer_is_returned_empty);
	tcase_add_test(tc, requests_beyond_one_second_of_the_rate_wait);
	tcase_add_test(tc, buffer_behind_the_last_byte_of_the_rate_is_not_returned);
	tcase_add_test(tc, descriptor_is_readable_when_bytes_are_available);
	tcase_add_test(tc, kicks_do_not_bypass_the_rate);
	tcase_add_test(tc,
		       unused_time_accumulates_at_most_one_second);
	tcase_add_test(tc, invalid_configuration_is_refused);
	tcase_add_test(tc, shorter_struct_selects_the_defaults);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
