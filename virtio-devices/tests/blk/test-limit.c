/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a block device with rate limits; the test controls the clock. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "../blk-rig.h"
#include "../suite.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static uint64_t now_ns;
/* Under LTO gcc does not see that the linker refers to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns;
}

static struct rig r;

/* bytes and operations per second, with these bursts */
static void begin(uint64_t bytes, uint64_t bytes_burst, uint64_t ops,
		  uint64_t ops_burst)
{
	now_ns = 100 * S;
	rig_prepare(&r);
	r.limits = (struct virtdev_rate_limits){ bytes, bytes_burst, ops,
						 ops_burst };
	rig_start(&r, VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC | F_FLUSH | F_DISCARD |
		  F_WRITE_ZEROES, 64);
}

/* True: the device requested a kick. */
static bool add_writes(unsigned int n, uint32_t len)
{
	const struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, len, 0 },
		{ RIG_STATUS, 1, 1 },
	};

	rig_header(&r, T_OUT, 0);
	while (n--)
		ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 3, 1), 0);
	return vq_driver_publish(r.g.driver);
}

START_TEST(requests_beyond_the_burst_remain_in_the_ring)
{
	begin(0, 0, 10, 3);
	add_writes(5, 512);
	ck_assert_uint_eq(rig_serve(&r), 3);
	ck_assert_uint_eq(r.disk.nlog, 3);
	ck_assert_uint_eq(r.waits, 1);
	ck_assert_uint_eq(r.wait_ns, 100 * MS);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
	rig_fini(&r);
}
END_TEST

START_TEST(requests_continue_after_the_wait)
{
	begin(0, 0, 10, 3);
	add_writes(5, 512);
	ck_assert_uint_eq(rig_serve(&r), 3);
	now_ns += r.wait_ns - 1;
	ck_assert_uint_eq(rig_serve(&r), 0);
	ck_assert_uint_eq(r.wait_ns, 1);
	now_ns += r.wait_ns;
	ck_assert_uint_eq(rig_serve(&r), 1);
	now_ns += S;
	ck_assert_uint_eq(rig_serve(&r), 1);
	rig_fini(&r);
}
END_TEST

START_TEST(kicks_are_suppressed_while_requests_wait)
{
	begin(0, 0, 10, 1);
	add_writes(2, 512);
	ck_assert_uint_eq(rig_serve(&r), 1);
	ck_assert(!add_writes(1, 512));
	now_ns += 10 * S;
	rig_serve(&r);
	now_ns += 10 * S;
	rig_serve(&r);
	now_ns += 10 * S;
	ck_assert_uint_eq(rig_serve(&r), 0);
	ck_assert(add_writes(1, 512));
	ck_assert_uint_eq(rig_serve(&r), 1);
	rig_fini(&r);
}
END_TEST

START_TEST(bytes_are_those_of_the_data)
{
	begin(4096, 4096, 0, 0);
	add_writes(9, 512);
	ck_assert_uint_eq(rig_serve(&r), 8);
	ck_assert_int_eq(r.waits, 1);
	now_ns += S;
	ck_assert_uint_eq(rig_serve(&r), 1);
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
	rig_fini(&r);
}
END_TEST

START_TEST(a4_60_ranges_to_zero_or_discard_count_as_their_bytes)
{
	const uint32_t type = _i ? T_DISCARD : T_WRITE_ZEROES;

	begin(16384, 1024, 0, 0);
	rig_range(&r, 0, 0, 16, 0);
	rig_range(&r, 1, 16, 16, 0);
	ck_assert_int_eq(rig_simple(&r, type, 0, 2 * 16), S_OK);
	add_writes(1, 512);
	now_ns += 900 * MS;	/* 32 and 15360 bytes beyond the burst have not returned */
	ck_assert_uint_eq(rig_serve(&r), 0);
	now_ns += 100 * MS;
	ck_assert_uint_eq(rig_serve(&r), 1);
	rig_fini(&r);
}
END_TEST

START_TEST(refused_ranges_take_no_tokens)
{
	begin(1024, 1024, 0, 0);
	rig_range(&r, 0, UINT64_MAX / 512, 64, 0);
	ck_assert_int_ne(rig_simple(&r, T_WRITE_ZEROES, 0, 16), S_OK);
	add_writes(1, 512);
	ck_assert_uint_eq(rig_serve(&r), 1);
	rig_fini(&r);
}
END_TEST

START_TEST(request_larger_than_the_burst_is_served)
{
	begin(512, 1, 0, 0);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 0x10000), S_OK);
	add_writes(1, 512);
	ck_assert_uint_eq(rig_serve(&r), 0);
	now_ns += 127 * S;
	ck_assert_uint_eq(rig_serve(&r), 0);
	now_ns += S;
	ck_assert_uint_eq(rig_serve(&r), 1);
	rig_fini(&r);
}
END_TEST

/* The driver never runs out of requests; each wait ends at the time the device named. */
START_TEST(bytes_in_a_period_do_not_exceed_the_limit)
{
	uint64_t bytes = 0;

	begin(100000, 20000, 0, 0);
	while (now_ns < 110 * S) {
		add_writes(2, 4096);
		bytes += 4096 * (uint64_t)rig_serve(&r);
		while (r.waits) {
			r.waits = 0;
			now_ns += r.wait_ns;
			bytes += 4096 * (uint64_t)rig_serve(&r);
		}
	}
	ck_assert_uint_le(bytes, 20000 + (now_ns - 100 * S) / 10000 + 2 * 4096);
	ck_assert_uint_ge(bytes, (now_ns - 100 * S) / 10000);
	rig_fini(&r);
}
END_TEST

START_TEST(queues_share_the_limit)
{
	struct guest g;
	const struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 0 }, { RIG_STATUS, 1, 1 },
	};

	begin(0, 0, 1, 1);
	guest_init(&g, VQ_F_EVENT_IDX, 16, 0, 16);
	guest_put_header(guest_at(&g, RIG_HEADER), T_OUT, 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, 1, g.q, NULL), 0);
	ck_assert_int_eq(vq_driver_add(g.driver, buffers, 3, 1), 0);
	vq_driver_publish(g.driver);
	add_writes(1, 512);
	ck_assert_uint_eq(rig_serve(&r), 1);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 1), 0);
	ck_assert_uint_eq(r.disk.nlog, 1);
	ck_assert_uint_eq(r.waits, 2);
	now_ns += S;
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 1), 0);
	ck_assert_uint_eq(r.disk.nlog, 2);
	virtdev_queue_stop(r.dev, 1);
	guest_fini(&g);
	rig_fini(&r);
}
END_TEST

START_TEST(reset_does_not_fill_the_bucket)
{
	begin(0, 0, 1, 1);
	add_writes(2, 512);
	ck_assert_uint_eq(rig_serve(&r), 1);
	virtdev_queue_stop(r.dev, 0);
	virtdev_reset(r.dev);
	ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, NULL), 0);
	ck_assert_uint_eq(rig_serve(&r), 0);
	now_ns += S;
	ck_assert_uint_eq(rig_serve(&r), 1);
	rig_fini(&r);
}
END_TEST

START_TEST(limits_change_while_requests_wait)
{
	const struct virtdev_rate_limits none = { 0 }, bad = { .ops_burst = 1 };

	begin(1, 1, 0, 0);
	add_writes(3, 0x10000);
	ck_assert_uint_eq(rig_serve(&r), 1);
	ck_assert_int_eq(virtdev_blk_set_limits(r.dev, &bad, NULL), -EINVAL);
	ck_assert_uint_eq(rig_serve(&r), 0);
	ck_assert_uint_le(r.wait_ns, VIRTDEV_RATE_WAIT_NS);
	ck_assert_int_eq(virtdev_blk_set_limits(r.dev, &none, NULL), 0);
	ck_assert_uint_eq(rig_serve(&r), 2);
	rig_fini(&r);
}
END_TEST

START_TEST(device_without_limits_never_waits)
{
	begin(0, 0, 0, 0);
	add_writes(20, 0x10000);
	ck_assert_uint_eq(rig_serve(&r), 20);
	ck_assert_uint_eq(r.waits, 0);
	rig_fini(&r);
}
END_TEST

START_TEST(invalid_limits_are_refused)
{
	struct virtdev_blk_config config = { .size = sizeof(config) };
	struct vsu_error err = VSU_ERROR_INIT;
	struct fake_disk disk;
	struct virtdev *dev;

	fake_disk_init(&disk);
	fake_disk_make(&disk);
	config.disk = disk.disk;
	config.limits.bytes = UINT64_MAX;
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "bytes per second"));
	virtdev_disk_free(disk.disk);
	fake_disk_fini(&disk);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk limit");
	TCase *tc = tcase_create("limit");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, requests_beyond_the_burst_remain_in_the_ring);
	tcase_add_test(tc, requests_continue_after_the_wait);
	tcase_add_test(tc, kicks_are_suppressed_while_requests_wait);
	tcase_add_test(tc, bytes_are_those_of_the_data);
	tcase_add_test(tc, request_larger_than_the_burst_is_served);
	tcase_add_loop_test(tc, a4_60_ranges_to_zero_or_discard_count_as_their_bytes, 0, 2);
	tcase_add_test(tc, refused_ranges_take_no_tokens);
	tcase_add_test(tc, bytes_in_a_period_do_not_exceed_the_limit);
	tcase_add_test(tc, queues_share_the_limit);
	tcase_add_test(tc, reset_does_not_fill_the_bucket);
	tcase_add_test(tc, limits_change_while_requests_wait);
	tcase_add_test(tc, device_without_limits_never_waits);
	tcase_add_test(tc, invalid_limits_are_refused);
	return run_suite(s);
}
