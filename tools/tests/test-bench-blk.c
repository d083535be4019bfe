/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the load of "bench", also on back-ends that stop, end or fail. */
#include <config.h>

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "../../tests/support/suite.h"
#include "disk.h"
#include "plant.h"

static bool fails;		/* each request */

uint8_t __real_disk_status(struct disk *d, uint32_t slot);
uint8_t __wrap_disk_status(struct disk *d, uint32_t slot);
uint8_t __wrap_disk_status(struct disk *d, uint32_t slot)
{
	return fails ? VIRTDEV_BLK_S_IOERR : __real_disk_status(d, slot);
}

static void blk_setup(void)
{
	bench_setup();
	load.request = bench_blk.requests;
	load.queues = 2;
	load.depth = 4;
	fails = false;
}

/* Returns the bytes of the image that are not zero. */
static unsigned int image_changes(void)
{
	static unsigned char bytes[SIZE];
	unsigned int i, n = 0;
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, bytes, SIZE), SIZE);
	close(fd);
	for (i = 0; i < SIZE; i++)
		n += bytes[i] != 0;
	return n;
}

START_TEST(each_slot_of_each_queue_completes_a_request_at_least)
{
	ck_assert_int_eq(run(&bench_blk), VSU_EXIT_OK);
	ck_assert_uint_ge(stats.requests, 8);
	ck_assert_uint_gt(stats.ns, 0);
	ck_assert_uint_le(bench_stats_percentile(&stats, 5000), bench_stats_percentile(&stats, 9990));
}
END_TEST

START_TEST(two_runs_add_up)
{
	uint64_t first;

	ck_assert_int_eq(run(&bench_blk), VSU_EXIT_OK);
	first = stats.requests;
	ck_assert_int_eq(run(&bench_blk), VSU_EXIT_OK);
	ck_assert_uint_ge(stats.requests, first + 8);
}
END_TEST

START_TEST(reads_change_nothing)
{
	ck_assert_int_eq(run(&bench_blk), VSU_EXIT_OK);
	ck_assert_uint_eq(image_changes(), 0);
}
END_TEST

START_TEST(a_back_end_that_stops_is_given_up)
{
	late_ms = 1;
	kick_signal = SIGSTOP;
	run_fails(&bench_blk, VSU_EXIT_HOST, "8 requests did not complete within 1ms");
}
END_TEST

START_TEST(a_back_end_that_ends_is_named)
{
	kick_signal = SIGKILL;
	run_fails(&bench_blk, VSU_EXIT_HOST, path);
}
END_TEST

static void plant_id(struct queues *q)
{
	use(q, 1, q->size, 1);
}

/* Completed without a status. */
static void plant_used(struct queues *q)
{
	use(q, 0, last_head(q, 0), 1);
}

static void plant_jump(struct queues *q)
{
	jump(q, 0, 1000);
}

START_TEST(a_used_ring_of_a_hostile_back_end_ends_the_load)
{
	static const struct {
		void (*plant)(struct queues *q);
		enum vsu_exit status;
		const char *text;
	} rows[] = {
		{ plant_id, VSU_EXIT_HOST, "its ring" }, { plant_jump, VSU_EXIT_HOST, "its ring" },
		{ plant_used, VSU_EXIT_FAIL, "without a status" },
	};

	kick_signal = SIGSTOP;
	load.timeout_ms = 2000;
	plant = rows[_i].plant;
	run_fails(&bench_blk, rows[_i].status, rows[_i].text);
}
END_TEST

START_TEST(a_failed_request_ends_the_load)
{
	fails = true;
	run_fails(&bench_blk, VSU_EXIT_FAIL, "failed a request of 4096 bytes (status 1)");
}
END_TEST

START_TEST(writes_to_a_read_only_disk_are_refused)
{
	read_only = true;
	load.writes = 1;
	run_fails(&bench_blk, VSU_EXIT_DATA, "is read-only");
	ck_assert_uint_eq(stats.requests, 0);
}
END_TEST

START_TEST(sizes_that_the_disk_lacks_are_refused)
{
	load.size = BLOCK + 512;
	run_fails(&bench_blk, VSU_EXIT_DATA, "not a multiple of 4096");
	load.size = 2 * SIZE;
	run_fails(&bench_blk, VSU_EXIT_DATA, "exceeds the disk");
}
END_TEST

START_TEST(a_queue_that_the_disk_lacks_is_refused)
{
	load.queues = 3;
	run_fails(&bench_blk, VSU_EXIT_DATA, "--queues: 2 is not a queue");
}
END_TEST

START_TEST(the_floor_counts_its_requests)
{
	ck_assert_int_eq(bench_floor(&load, &stats, &err), VSU_EXIT_OK);
	ck_assert_uint_ge(stats.requests, 1);
	ck_assert_uint_gt(bench_stats_rate(&stats), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench-blk");
	TCase *tc = tcase_create("bench-blk");

	tcase_add_checked_fixture(tc, blk_setup, bench_teardown);
	tcase_add_test(tc, each_slot_of_each_queue_completes_a_request_at_least);
	tcase_add_test(tc, two_runs_add_up);
	tcase_add_test(tc, reads_change_nothing);
	tcase_add_test(tc, a_back_end_that_stops_is_given_up);
	tcase_add_test(tc, a_back_end_that_ends_is_named);
	tcase_add_loop_test(tc, a_used_ring_of_a_hostile_back_end_ends_the_load, 0, 3);
	tcase_add_test(tc, a_failed_request_ends_the_load);
	tcase_add_test(tc, writes_to_a_read_only_disk_are_refused);
	tcase_add_test(tc, sizes_that_the_disk_lacks_are_refused);
	tcase_add_test(tc, a_queue_that_the_disk_lacks_is_refused);
	tcase_add_test(tc, the_floor_counts_its_requests);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
