/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about one serve call of a block device: what limits its work. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../blk-rig.h"
#include "../suite.h"

#define MIB (1u << 20)
#define PIECE (1u << 16)

static struct rig r;

static void setup(void)
{
	rig_init(&r, VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC, 64);
}

static void teardown(void)
{
	rig_fini(&r);
}

/* Adds n reads of the whole disk, all into the same memory. */
static void add_reads(unsigned int n, uint32_t bytes)
{
	struct vq_buffer buffers[100] = { { RIG_HEADER, 16, 0 } };
	unsigned int i, pieces = bytes / PIECE;

	for (i = 0; i < pieces; i++)
		buffers[i + 1] = (struct vq_buffer) { GUEST_HALF, PIECE, 1 };
	buffers[pieces + 1] = (struct vq_buffer) { RIG_STATUS, 1, 1 };
	rig_header(&r, T_IN, 0);
	for (i = 0; i < n; i++)
		rig_add(&r, buffers, pieces + 2);
}

static unsigned int collected(void)
{
	unsigned int n = 0;
	uint64_t cookie;

	while (vq_driver_collect(r.g.driver, &cookie, &r.written) == 1)
		n++;
	return n;
}

START_TEST(a4_19_turn_moves_a_bounded_number_of_bytes)
{
	unsigned int n;

	r.disk.counts = true;
	add_reads(30, MIB);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 1);
	n = collected();
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_le(n, 8);
	ck_assert_uint_eq(n + rig_serve(&r), 30);
}
END_TEST

START_TEST(a4_19_drain_moves_a_bounded_number_of_bytes_at_a_time)
{
	unsigned int n = 0;
	int left;

	r.disk.hold = true;
	add_reads(30, MIB);
	while (virtdev_queue_serve(r.dev, 0) > 0)
		;
	ck_assert_uint_eq(r.disk.nwaiting, 30);
	r.disk.counts = true;
	left = virtdev_queue_drain(r.dev, 0);
	ck_assert_int_eq(left, -EAGAIN);
	ck_assert_uint_ge(r.disk.nwaiting, 22);
	while (virtdev_queue_drain(r.dev, 0))
		ck_assert_uint_lt(++n, 30);
	ck_assert_uint_eq(collected(), 30);
}
END_TEST

START_TEST(a4_19_bytes_in_flight_are_bounded)
{
	unsigned int n;

	rig_fini(&r);
	rig_init(&r, VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC, 128);
	r.disk.hold = true;
	add_reads(100, MIB);
	while (virtdev_queue_serve(r.dev, 0) > 0)
		;
	ck_assert_uint_eq(r.disk.nwaiting, 64);
	fake_disk_finish(&r.disk);
	n = rig_serve(&r);
	ck_assert_uint_eq(n, 64);
	ck_assert_uint_eq(r.disk.nwaiting, 36);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 36);
}
END_TEST

START_TEST(disk_is_kicked_each_time_its_load_has_doubled)
{
	r.disk.hold = true;
	add_reads(9, 0);	/* kicks after 2, 4 and 8 requests, and for the ninth */
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.disk.kicks, 4);
	add_reads(30, 0);	/* kicks after 16 and 32, and for the rest */
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.disk.kicks, 7);
	add_reads(20, 0);	/* a busy disk gets all of them with one kick */
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.disk.kicks, 8);
	ck_assert_uint_eq(r.disk.nwaiting, 59);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 59);
	add_reads(2, 0);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 0);
	ck_assert_uint_eq(r.disk.kicks, 9);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 2);
}
END_TEST

/*
 * All requests are in flight, then all complete in a turn that could not fetch
 * more. Notifications were suppressed, so the queue must be served again or the
 * driver must kick.
 */
START_TEST(a1_44_queue_that_was_full_gets_the_next_kick)
{
	struct vq_buffer buffers[] = { { RIG_HEADER, 16, 0 },
				       { RIG_STATUS, 1, 1 } };
	unsigned int i;

	r.disk.hold = true;
	add_reads(64, PIECE);
	while (virtdev_queue_serve(r.dev, 0) > 0)
		;
	ck_assert_uint_eq(r.disk.nwaiting, 64);
	r.disk.hold = false;	/* the next kick completes them */
	i = (unsigned int)virtdev_queue_serve(r.dev, 0);
	ck_assert_uint_eq(collected(), 64);
	ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 2, 1), 0);
	ck_assert(vq_driver_publish(r.g.driver) || i == 1);
	ck_assert_uint_eq(rig_serve(&r), 1);
}
END_TEST

/*
 * The limit of 128 descriptors per chain keeps the number of chains per turn
 * small.
 */
START_TEST(a1_08_turn_of_a_large_ring_fetches_a_bounded_number_of_chains)
{
	rig_fini(&r);
	rig_init(&r, VQ_F_EVENT_IDX, 4096);
	r.disk.hold = true;
	add_reads(1000, 0);
	ck_assert_int_eq(virtdev_queue_serve(r.dev, 0), 1);
	ck_assert_uint_eq(r.disk.nlog, 256);
	r.disk.hold = false;
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 1000);
}
END_TEST

static const struct {
	uint32_t type;
	uint32_t len;
	bool writable;
	uint64_t gpa;
} bad_data[] = {
	{ T_IN, 512, true, GUEST_HOLE },
	{ T_IN, 512, true, GUEST_ROM },
	{ T_OUT, 512, false, GUEST_HOLE },
	{ T_GET_ID, 20, true, GUEST_HOLE },
	{ T_DISCARD, 16, false, GUEST_HOLE },
	{ T_IN, 512, true, UINT64_MAX - 8 },
};

START_TEST(a4_21_bad_data_buffer_is_an_error_status)
{
	const struct vq_buffer data = {
		bad_data[_i].gpa, bad_data[_i].len, bad_data[_i].writable,
	};

	ck_assert_int_eq(rig_request(&r, bad_data[_i].type, 0, &data, 1),
			 S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
	/* the status byte counts if it is the first writable byte */
	ck_assert_uint_eq(r.written, !bad_data[_i].writable);
	ck_assert_uint_eq(r.broken, 0);
}
END_TEST

START_TEST(a4_21_status_outside_memory_is_not_written)
{
	const struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 1 },
		{ GUEST_HOLE, 1, 1 },
	};

	rig_header(&r, T_IN, 0);
	ck_assert_int_eq(rig_chain(&r, buffers, 3), S_UNTOUCHED);
	ck_assert_uint_eq(r.disk.nlog, 0);
	ck_assert_uint_eq(r.written, 0);
}
END_TEST

START_TEST(a4_13_driver_without_features_gets_safe_writes)
{
	uint8_t writeback;

	virtdev_reset(r.dev);
	if (_i)
		ck_assert_int_eq(virtdev_set_features(r.dev, 0, NULL), 0);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 2);
	ck_assert_uint_eq(r.disk.log[1].op, VIRTDEV_DISK_FLUSH);
	virtdev_config_read(r.dev, 32, &writeback, 1);
	ck_assert_uint_eq(writeback, !_i);
}
END_TEST

/*
 * Sanitizers keep freed memory resident for a while to detect later accesses.
 */
#define KEEPS_FREED_MEMORY (VSU_ADDRESS_SANITIZER || VSU_THREAD_SANITIZER)

/* Number of private resident pages of this process. */
static long resident_pages(void)
{
	long size = 0, resident = 0, shared = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld %ld %ld", &size, &resident, &shared),
			 3);
	fclose(f);
	return resident - shared;
}

START_TEST(restarted_queue_frees_the_pages_of_its_pool)
{
	long before;
	int i;

	virtdev_queue_stop(r.dev, 0);
	before = resident_pages();
	for (i = 0; i < 50; i++) {
		ck_assert_int_eq(virtdev_queue_start(r.dev, 0, r.g.q, NULL), 0);
		ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
		if (i < 49)
			virtdev_queue_stop(r.dev, 0);
	}
	ck_assert_int_lt(resident_pages() - before, 40);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk turn");
	TCase *tc = tcase_create("blk turn");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a4_19_turn_moves_a_bounded_number_of_bytes);
	tcase_add_test(tc, a4_19_drain_moves_a_bounded_number_of_bytes_at_a_time);
	tcase_add_test(tc, a4_19_bytes_in_flight_are_bounded);
	tcase_add_test(tc, disk_is_kicked_each_time_its_load_has_doubled);
	tcase_add_test(tc, a1_44_queue_that_was_full_gets_the_next_kick);
	tcase_add_test(tc, a1_08_turn_of_a_large_ring_fetches_a_bounded_number_of_chains);
	tcase_add_loop_test(tc, a4_21_bad_data_buffer_is_an_error_status,
			    0, 6);
	tcase_add_test(tc, a4_21_status_outside_memory_is_not_written);
	tcase_add_loop_test(tc, a4_13_driver_without_features_gets_safe_writes,
			    0, 2);
	if (!KEEPS_FREED_MEMORY && !under_valgrind())
		tcase_add_test(tc, restarted_queue_frees_the_pages_of_its_pool);

	return run_suite(s);
}
