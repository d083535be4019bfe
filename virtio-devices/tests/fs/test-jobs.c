/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about requests that worker threads serve. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../suite.h"
#include "fs-rig.h"

#define AT_ONCE 7u	/* of two buffers, in a ring of 16 */
#define ROUNDS 50u

static struct fs_rig r;

static void setup_idle(void)
{
	fs_rig_folder(&r);
	r.config.workers = RIG_WORKERS;
	fs_rig_make(&r, RIG_REQUESTS);
}

static void setup(void)
{
	setup_idle();
	fs_rig_work(&r);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

/* Adds a GETATTR of the root with its own buffers. */
static void add_request(uint64_t number)
{
	const struct {
		struct fuse_in_header in;
		struct fuse_getattr_in getattr;
	} ask = {
		.in = { .len = sizeof(ask), .opcode = FUSE_GETATTR,
			.unique = number, .nodeid = 1, .uid = r.uid,
			.gid = r.gid },
	};
	const struct vq_buffer buffers[] = {
		{ RIG_ASK + number * 4096, sizeof(ask), false },
		{ RIG_ANSWER + number * 4096, 4096, true },
	};

	memcpy(guest_at(&r.g, buffers[0].gpa), &ask, sizeof(ask));
	ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 2, number), 0);
}

static void check_answer(uint64_t number, uint32_t written)
{
	struct fuse_out_header out;

	memcpy(&out, guest_at(&r.g, RIG_ANSWER + number * 4096), sizeof(out));
	ck_assert_uint_eq(written, sizeof(out) + sizeof(struct fuse_attr_out));
	ck_assert_uint_eq(out.unique, number);
	ck_assert_int_eq(out.error, 0);
}

START_TEST(requests_run_concurrently_and_once_each)
{
	unsigned int i, round, left;
	uint64_t number;
	uint32_t written;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < AT_ONCE; i++)
			add_request(i);
		vq_driver_publish(r.g.driver);
		for (left = AT_ONCE; left;) {
			while (virtdev_queue_serve(r.dev, r.queue))
				;
			while (vq_driver_collect(r.g.driver, &number,
						 &written) == 1) {
				check_answer(number, written);
				left--;
			}
			if (left)
				fs_rig_wait_event(&r);
		}
	}
}
END_TEST

START_TEST(file_is_written_and_read_by_other_threads)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);

	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "CONtent", 7);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), -EBADF);
}
END_TEST

/* A slow machine takes several turns. */
static void serve_all(void)
{
	int rc;

	do
		rc = virtdev_queue_serve(r.dev, r.queue);
	while (rc > 0);
	ck_assert_int_eq(rc, 0);
}

START_TEST(queue_stops_with_requests_not_started)
{
	uint64_t number;

	setup_idle();
	for (number = 0; number < AT_ONCE; number++)
		add_request(number);
	vq_driver_publish(r.g.driver);
	serve_all();
	ck_assert_int_eq(virtdev_queue_drain(r.dev, r.queue), RIG_WORKERS);
	virtdev_queue_stop(r.dev, r.queue);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(requests_not_started_can_be_returned)
{
	uint64_t number;

	setup_idle();
	for (number = 0; number < AT_ONCE; number++)
		add_request(number);
	vq_driver_publish(r.g.driver);
	serve_all();
	ck_assert_uint_eq(virtdev_fs_detach(r.dev), 0);
	fs_rig_wait_event(&r);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, r.queue), 0);
	virtdev_queue_stop(r.dev, r.queue);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(too_many_threads_are_refused)
{
	struct virtdev *dev;

	fs_rig_folder(&r);
	fs_rig_make(&r, RIG_REQUESTS);
	r.config.workers = VIRTDEV_FS_WORKERS_MAX + 1;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &dev, NULL), -EINVAL);
	r.config.workers = 0;
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("work");
	TCase *tc = tcase_create("work"), *idle = tcase_create("idle");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, requests_run_concurrently_and_once_each);
	tcase_add_test(tc, file_is_written_and_read_by_other_threads);
	tcase_add_test(idle, queue_stops_with_requests_not_started);
	tcase_add_test(idle, requests_not_started_can_be_returned);
	tcase_add_test(idle, too_many_threads_are_refused);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, idle);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
