/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the measurements of a block device; the test controls the clock. */
#include <config.h>

#include <check.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "../blk-rig.h"
#include "../suite.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)

static uint64_t now_ns;
static unsigned int clock_reads;
/* Under LTO gcc does not see that the linker refers to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	clock_reads++;
	return now_ns;
}

static struct rig r;
static struct virtdev_measured queues[2];

static void begin(bool measures)
{
	now_ns = 100 * MS;
	rig_prepare(&r);
	r.measured = measures ? queues : NULL;
	rig_start(&r, VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC | F_FLUSH, 64);
	clock_reads = 0;
}

static void add(unsigned int n, uint32_t type)
{
	const struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, type == T_IN },
		{ RIG_STATUS, 1, 1 },
	};

	rig_header(&r, type, 0);
	while (n--)
		rig_add(&r, buffers, 3);
}

static struct virtdev_histogram histogram(const char *name)
{
	struct virtdev_histogram h;
	const char *found;
	uint32_t kind;

	for (kind = 0; (found = virtdev_latency(r.dev, kind, &h)); kind++)
		if (!strcmp(found, name))
			return h;
	ck_abort_msg("no kind %s", name);
	return h;
}

static uint64_t count(const struct virtdev_histogram *h)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++)
		n += h->buckets[i];
	return n;
}

static void check_depth(uint64_t expected, uint64_t expected_max)
{
	uint64_t depth, highest;

	ck_assert_int_eq(virtdev_queue_depth(r.dev, 0, &depth, &highest), 0);
	ck_assert_uint_eq(depth, expected);
	ck_assert_uint_eq(highest, expected_max);
}

START_TEST(time_is_from_pop_to_push)
{
	struct virtdev_histogram h;

	begin(true);
	r.disk.hold = true;
	add(3, T_IN);
	ck_assert_uint_eq(rig_serve(&r), 0);
	check_depth(3, 3);
	now_ns += 7 * US;
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 3);
	check_depth(0, 3);
	h = histogram("read");
	ck_assert_uint_eq(count(&h), 3);
	ck_assert_uint_eq(h.buckets[3], 3);	/* up to 10 us */
	ck_assert_uint_eq(h.sum, 21 * US);
	h = histogram("write");
	ck_assert_uint_eq(count(&h), 0);
	rig_fini(&r);
}
END_TEST

START_TEST(kinds_are_apart_and_failures_included)
{
	struct virtdev_histogram h;

	begin(true);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
	r.disk.result = -5;
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_IOERR);
	ck_assert_int_eq(rig_request(&r, T_FLUSH, 0, NULL, 0), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_GET_ID, 0, 20), S_OK);
	ck_assert_int_eq(rig_simple(&r, 77, 0, 512), S_UNSUPP);
	h = histogram("write");
	ck_assert_uint_eq(count(&h), 2);
	h = histogram("flush");
	ck_assert_uint_eq(count(&h), 1);
	h = histogram("read");
	ck_assert_uint_eq(count(&h), 0);
	check_depth(0, 1);
	rig_fini(&r);
}
END_TEST

START_TEST(drained_request_is_measured)
{
	struct virtdev_histogram h;

	begin(true);
	r.disk.hold = true;
	add(1, T_OUT);
	ck_assert_uint_eq(rig_serve(&r), 0);
	now_ns += 3 * MS;
	fake_disk_finish(&r.disk);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, 0), 0);
	h = histogram("write");
	ck_assert_uint_eq(h.sum, 3 * MS);
	check_depth(0, 1);
	rig_fini(&r);
}
END_TEST

START_TEST(turn_reads_the_clock_once_for_all_requests)
{
	begin(true);
	r.disk.hold = true;
	add(1, T_IN);
	rig_serve(&r);
	fake_disk_finish(&r.disk);
	rig_serve(&r);
	clock_reads = 0;
	add(1, T_IN);
	rig_serve(&r);
	const unsigned int one = clock_reads;

	fake_disk_finish(&r.disk);
	rig_serve(&r);
	clock_reads = 0;
	add(20, T_IN);
	rig_serve(&r);
	ck_assert_uint_eq(clock_reads, one);
	fake_disk_finish(&r.disk);
	rig_serve(&r);
	rig_fini(&r);
}
END_TEST

START_TEST(clock_is_not_read_without_measuring)
{
	begin(false);
	add(5, T_IN);
	ck_assert_uint_eq(rig_serve(&r), 5);
	ck_assert_uint_eq(clock_reads, 0);
	rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("latency");
	TCase *tc = tcase_create("latency");

	tcase_add_test(tc, time_is_from_pop_to_push);
	tcase_add_test(tc, kinds_are_apart_and_failures_included);
	tcase_add_test(tc, drained_request_is_measured);
	tcase_add_test(tc, turn_reads_the_clock_once_for_all_requests);
	tcase_add_test(tc, clock_is_not_read_without_measuring);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
