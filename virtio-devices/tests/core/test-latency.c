/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about histograms of latency and the depth of queues. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <string.h>

#include <virtio-devices/latency.h>

#include "../suite.h"

#define QUEUES 2u
#define US UINT64_C(1000)
#define S UINT64_C(1000000000)

static const char *const kinds[] = { "get", "put", NULL };
static struct virtdev_measured queues[QUEUES];
static struct virtdev *dev;

static struct virtdev *make_device(const char *const *latency_kinds)
{
	const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "model", .latency_kinds = latency_kinds,
	};
	const struct virtdev_info info = {
		.id = 1, .nqueues = QUEUES, .queue_size_max = 16,
	};
	struct virtdev *made;

	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &made, NULL), 0);
	return made;
}

static void setup(void)
{
	memset(queues, 0xff, sizeof(queues));
	dev = make_device(kinds);
	ck_assert_int_eq(virtdev_measure(dev, queues), 0);
}

static void teardown(void)
{
	virtdev_free(dev);
}

static void request(uint32_t queue, uint32_t kind, uint64_t ns)
{
	struct virtdev_measured *m = virtdev_queue_measured(dev, queue);

	virtdev_measured_begin(m);
	virtdev_measured_end(m, kind, ns);
}

/* The bucket that alone has a request of this time. */
static uint32_t bucket_of(uint64_t ns)
{
	struct virtdev_histogram h;
	uint32_t i, found = VIRTDEV_LATENCY_BUCKETS;

	memset(queues, 0, sizeof(queues));
	request(0, 0, ns);
	ck_assert_ptr_nonnull(virtdev_latency(dev, 0, &h));
	ck_assert_uint_eq(h.sum, ns);
	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++) {
		if (!h.buckets[i])
			continue;
		ck_assert_uint_eq(h.buckets[i], 1);
		ck_assert_uint_eq(found, VIRTDEV_LATENCY_BUCKETS);
		found = i;
	}
	return found;
}

START_TEST(bounds_are_1_2_5_from_1_us_to_10_s)
{
	uint64_t bound = US;
	uint32_t i;

	for (i = 0; i + 1 < VIRTDEV_LATENCY_BUCKETS; i++) {
		ck_assert_uint_eq(virtdev_latency_bound(i), bound);
		bound = i % 3 == 1 ? bound / 2 * 5 : bound * 2;
	}
	ck_assert_uint_eq(virtdev_latency_bound(i - 1), 10 * S);
	ck_assert_uint_eq(virtdev_latency_bound(i), UINT64_MAX);
	ck_assert_uint_eq(virtdev_latency_bound(UINT32_MAX), UINT64_MAX);
}
END_TEST

START_TEST(bound_belongs_to_its_bucket)
{
	uint32_t i;

	for (i = 0; i + 1 < VIRTDEV_LATENCY_BUCKETS; i++) {
		ck_assert_uint_eq(bucket_of(virtdev_latency_bound(i)), i);
		ck_assert_uint_eq(bucket_of(virtdev_latency_bound(i) + 1), i + 1);
	}
	ck_assert_uint_eq(bucket_of(0), 0);
	ck_assert_uint_eq(bucket_of(UINT64_MAX), VIRTDEV_LATENCY_BUCKETS - 1);
}
END_TEST

START_TEST(powers_of_two_are_in_the_first_bucket_that_has_room)
{
	uint32_t power, bucket;

	for (power = 0; power < 64; power++) {
		bucket = bucket_of(UINT64_C(1) << power);
		ck_assert_uint_le(UINT64_C(1) << power, virtdev_latency_bound(bucket));
		if (bucket)
			ck_assert_uint_gt(UINT64_C(1) << power,
					  virtdev_latency_bound(bucket - 1));
	}
}
END_TEST

START_TEST(histogram_has_all_queues)
{
	struct virtdev_histogram h;

	request(0, 1, US);
	request(1, 1, US);
	request(1, 0, S);
	ck_assert_str_eq(virtdev_latency(dev, 1, &h), "put");
	ck_assert_uint_eq(h.buckets[0], 2);
	ck_assert_uint_eq(h.sum, 2 * US);
	ck_assert_str_eq(virtdev_latency(dev, 0, &h), "get");
	ck_assert_uint_eq(h.sum, S);
	ck_assert_ptr_null(virtdev_latency(dev, 2, &h));
	ck_assert_ptr_null(virtdev_latency(dev, UINT32_MAX, &h));
}
END_TEST

START_TEST(request_without_kind_counts_in_the_depth_only)
{
	struct virtdev_histogram h;
	uint64_t depth, highest;

	request(0, VIRTDEV_LATENCY_KINDS, US);
	ck_assert_ptr_nonnull(virtdev_latency(dev, 0, &h));
	ck_assert_uint_eq(h.sum, 0);
	ck_assert_int_eq(virtdev_queue_depth(dev, 0, &depth, &highest), 0);
	ck_assert_uint_eq(depth, 0);
	ck_assert_uint_eq(highest, 1);
}
END_TEST

START_TEST(depth_is_per_queue_and_restarts_at_0)
{
	struct virtdev_measured *m = virtdev_queue_measured(dev, 1);
	uint64_t depth, highest;

	virtdev_measured_begin(m);
	virtdev_measured_begin(m);
	virtdev_measured_end(m, 0, US);
	ck_assert_int_eq(virtdev_queue_depth(dev, 1, &depth, &highest), 0);
	ck_assert_uint_eq(depth, 1);
	ck_assert_uint_eq(highest, 2);
	ck_assert_ptr_eq(virtdev_queue_measured(dev, 1), m);
	ck_assert_int_eq(virtdev_queue_depth(dev, 1, &depth, &highest), 0);
	ck_assert_uint_eq(depth, 0);
	ck_assert_uint_eq(highest, 2);
	ck_assert_int_eq(virtdev_queue_depth(dev, 0, &depth, &highest), 0);
	ck_assert_uint_eq(highest, 0);
	ck_assert_int_eq(virtdev_queue_depth(dev, QUEUES, &depth, &highest), -ENOENT);
}
END_TEST

START_TEST(device_measures_once_and_by_request_only)
{
	struct virtdev *other = make_device(kinds), *none = make_device(NULL);
	struct virtdev_histogram h;
	uint64_t depth, highest;

	ck_assert_int_eq(virtdev_measure(dev, queues), -EEXIST);
	ck_assert_int_eq(virtdev_measure(none, queues), -EOPNOTSUPP);
	ck_assert_ptr_null(virtdev_latency(other, 0, &h));
	ck_assert_ptr_null(virtdev_queue_measured(other, 0));
	ck_assert_int_eq(virtdev_queue_depth(other, 0, &depth, &highest), -ENOENT);
	ck_assert_ptr_null(virtdev_latency(none, 0, &h));
	virtdev_free(other);
	virtdev_free(none);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("latency");
	TCase *tc = tcase_create("latency");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bounds_are_1_2_5_from_1_us_to_10_s);
	tcase_add_test(tc, bound_belongs_to_its_bucket);
	tcase_add_test(tc, powers_of_two_are_in_the_first_bucket_that_has_room);
	tcase_add_test(tc, histogram_has_all_queues);
	tcase_add_test(tc, request_without_kind_counts_in_the_depth_only);
	tcase_add_test(tc, depth_is_per_queue_and_restarts_at_0);
	tcase_add_test(tc, device_measures_once_and_by_request_only);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
