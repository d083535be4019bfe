/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the load of "bench", also on back-ends that stop, end or fail. */
#include <config.h>

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "../../tests/support/suite.h"
#include "bench.h"
#include "disk.h"
#include "rig.h"

static struct bench_load load;
static struct bench_stats stats;
static int kick_signal;		/* to the server, before each notification */
static bool fails;		/* each request */

void __real_queues_kick(struct queues *q);
void __wrap_queues_kick(struct queues *q);
void __wrap_queues_kick(struct queues *q)
{
	siginfo_t info;

	if (kick_signal) {
		ck_assert_int_eq(kill(server, kick_signal), 0);
		ck_assert_int_eq(waitid(P_PID, (id_t)server, &info,
					WSTOPPED | WEXITED | WNOWAIT), 0);
	}
	__real_queues_kick(q);
}

uint8_t __real_disk_status(struct disk *d, uint32_t slot);
uint8_t __wrap_disk_status(struct disk *d, uint32_t slot);
uint8_t __wrap_disk_status(struct disk *d, uint32_t slot)
{
	return fails ? VIRTDEV_BLK_S_IOERR : __real_disk_status(d, slot);
}

static void bench_setup(void)
{
	setup();
	load = (struct bench_load){
		.socket = path, .size = BLOCK, .queues = 2, .depth = 4, .ms = 1, .timeout_ms = 30000,
	};
	stats = (struct bench_stats){ .requests = 0 };
	kick_signal = 0;
	server = 0;
	fails = false;
}

static void bench_teardown(void)
{
	if (server > 0)
		kill(server, SIGCONT);
	teardown();
}

static enum vsu_exit run(void)
{
	enum vsu_exit status;

	if (server <= 0)
		server_start();
	do
		status = bench_disk(&load, false, &stats, &err);
	while (status != VSU_EXIT_OK && server_starts());
	return status;
}

static void run_fails(enum vsu_exit expected, const char *text)
{
	ck_assert_int_eq(run(), expected);
	ck_assert_ptr_nonnull(strstr(err.msg, text));
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
	ck_assert_int_eq(run(), VSU_EXIT_OK);
	ck_assert_uint_ge(stats.requests, 8);
	ck_assert_uint_gt(stats.ns, 0);
	ck_assert_uint_le(bench_stats_percentile(&stats, 5000), bench_stats_percentile(&stats, 9990));
}
END_TEST

START_TEST(two_runs_add_up)
{
	uint64_t first;

	ck_assert_int_eq(run(), VSU_EXIT_OK);
	first = stats.requests;
	ck_assert_int_eq(run(), VSU_EXIT_OK);
	ck_assert_uint_ge(stats.requests, first + 8);
}
END_TEST

START_TEST(reads_change_nothing)
{
	ck_assert_int_eq(run(), VSU_EXIT_OK);
	ck_assert_uint_eq(image_changes(), 0);
}
END_TEST

START_TEST(a_back_end_that_stops_is_given_up)
{
	load.timeout_ms = 1;
	kick_signal = SIGSTOP;
	run_fails(VSU_EXIT_HOST, "8 requests did not complete within 1ms");
}
END_TEST

START_TEST(a_back_end_that_ends_is_named)
{
	kick_signal = SIGKILL;
	run_fails(VSU_EXIT_HOST, path);
}
END_TEST

START_TEST(a_failed_request_ends_the_load)
{
	fails = true;
	run_fails(VSU_EXIT_FAIL, "failed a request of 4096 bytes (status 1)");
}
END_TEST

START_TEST(writes_to_a_read_only_disk_are_refused)
{
	read_only = true;
	load.writes = 1;
	run_fails(VSU_EXIT_DATA, "is read-only");
	ck_assert_uint_eq(stats.requests, 0);
}
END_TEST

START_TEST(sizes_that_the_disk_lacks_are_refused)
{
	load.size = BLOCK + 512;
	run_fails(VSU_EXIT_DATA, "not a multiple of 4096");
	load.size = 2 * SIZE;
	run_fails(VSU_EXIT_DATA, "exceeds the disk");
}
END_TEST

START_TEST(a_queue_that_the_disk_lacks_is_refused)
{
	load.queues = 3;
	run_fails(VSU_EXIT_DATA, "--queues: 2 is not a queue");
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
	Suite *s = suite_create("bench-disk");
	TCase *tc = tcase_create("bench-disk");

	tcase_add_checked_fixture(tc, bench_setup, bench_teardown);
	tcase_add_test(tc, each_slot_of_each_queue_completes_a_request_at_least);
	tcase_add_test(tc, two_runs_add_up);
	tcase_add_test(tc, reads_change_nothing);
	tcase_add_test(tc, a_back_end_that_stops_is_given_up);
	tcase_add_test(tc, a_back_end_that_ends_is_named);
	tcase_add_test(tc, a_failed_request_ends_the_load);
	tcase_add_test(tc, writes_to_a_read_only_disk_are_refused);
	tcase_add_test(tc, sizes_that_the_disk_lacks_are_refused);
	tcase_add_test(tc, a_queue_that_the_disk_lacks_is_refused);
	tcase_add_test(tc, the_floor_counts_its_requests);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
