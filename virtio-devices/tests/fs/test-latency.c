/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the measurements of the file system device. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;
static struct virtdev_measured queues[2];

static void setup_with(uint32_t workers, uint64_t window)
{
	fs_rig_folder(&r);
	r.config.workers = workers;
	r.config.window = window;
	r.measured = queues;
	fs_rig_make(&r, RIG_REQUESTS);
}

static uint64_t count(const char *name)
{
	struct virtdev_histogram h;
	uint64_t n = 0;
	const char *found;
	uint32_t kind, i;

	for (kind = 0; (found = virtdev_latency(r.dev, kind, &h)); kind++) {
		if (strcmp(found, name) != 0)
			continue;
		for (i = 0; i < VIRTDEV_LATENCY_BUCKETS; i++)
			n += h.buckets[i];
		ck_assert_uint_eq(!n, !h.sum);
		return n;
	}
	ck_abort_msg("no kind %s", name);
	return 0;
}

static void check_depth(uint64_t expected, uint64_t expected_max)
{
	uint64_t depth, highest;

	ck_assert_int_eq(virtdev_queue_depth(r.dev, r.queue, &depth, &highest), 0);
	ck_assert_uint_eq(depth, expected);
	ck_assert_uint_eq(highest, expected_max);
}

/* A session of INIT, LOOKUP, OPEN, two READ, a WRITE, FSYNC, RELEASE. */
static void run_session(void)
{
	struct fuse_fsync_in sync = { 0 };
	uint64_t file, fh;

	ck_assert_int_eq(fs_rig_begin(&r), 0);
	file = fs_rig_lookup(&r, 1, "file");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh + 1, 0, 7), -EBADF);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	sync.fh = fh;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FSYNC, file, &sync, sizeof(sync), NULL, 0), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
}

static void check_session(void)
{
	run_session();
	ck_assert_uint_eq(count("read"), 2);
	ck_assert_uint_eq(count("write"), 1);
	ck_assert_uint_eq(count("sync"), 1);
	ck_assert_uint_eq(count("metadata"), 4);
	check_depth(0, 1);
	fs_rig_fini(&r);
}

START_TEST(requests_of_the_queue_thread_are_measured)
{
	setup_with(0, 0);
	check_session();
}
END_TEST

START_TEST(requests_of_worker_threads_are_measured)
{
	setup_with(RIG_WORKERS, 0);
	fs_rig_work(&r);
	check_session();
}
END_TEST

START_TEST(requests_of_a_device_with_a_window_are_measured)
{
	setup_with(0, UINT64_C(4) << 20);
	check_session();
}
END_TEST

START_TEST(requests_of_workers_with_a_window_are_measured)
{
	setup_with(RIG_WORKERS, UINT64_C(4) << 20);
	fs_rig_work(&r);
	check_session();
}
END_TEST

START_TEST(queue_that_stops_has_no_depth)
{
	const struct fuse_in_header in = { .len = sizeof(in), .opcode = FUSE_STATFS };
	const struct vq_buffer buffers[] = {
		{ RIG_ASK, sizeof(in), false }, { RIG_ANSWER, 4096, true },
	};
	uint64_t number;

	setup_with(RIG_WORKERS, 0);
	memcpy(guest_at(&r.g, RIG_ASK), &in, sizeof(in));
	for (number = 0; number < RIG_WORKERS; number++)
		ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 2, number), 0);
	vq_driver_publish(r.g.driver);
	while (virtdev_queue_serve(r.dev, r.queue) > 0)
		;
	check_depth(RIG_WORKERS, RIG_WORKERS);
	virtdev_queue_stop(r.dev, r.queue);
	check_depth(0, RIG_WORKERS);
	ck_assert_uint_eq(count("metadata"), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("latency");
	TCase *tc = tcase_create("latency");

	tcase_add_test(tc, requests_of_the_queue_thread_are_measured);
	tcase_add_test(tc, requests_of_worker_threads_are_measured);
	tcase_add_test(tc, requests_of_a_device_with_a_window_are_measured);
	tcase_add_test(tc, requests_of_workers_with_a_window_are_measured);
	tcase_add_test(tc, queue_that_stops_has_no_depth);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
