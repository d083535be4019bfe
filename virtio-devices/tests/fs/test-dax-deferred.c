/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a window whose server replies later, as over vhost-user. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include "../suite.h"
#include "core/device_priv.h"
#include "dax-rig.h"
#include "fs/device/priv.h"

static void setup_later(void)
{
	dax_begin(false, false, 0);
}

static void setup_pool_later(void)
{
	dax_begin(false, false, RIG_WORKERS);
}

START_TEST(delayed_mapping_completes_its_request)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, CHUNK, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(other_requests_are_served_during_a_mapping)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const struct fuse_getattr_in in = { 0 };
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	dax_post(2, FUSE_GETATTR, 1, &in, sizeof(in));
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
}
END_TEST

START_TEST(delayed_refusal_fails_its_request)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	dax_post_map(2, file, CHUNK, CHUNK, CHUNK, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	dax_answer(1, -EREMOTEIO);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, -EREMOTEIO);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
	dax_post_map(3, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.unmaps, 0);	/* nothing was mapped */
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(added_pages_of_a_file_are_mapped_behind_the_others)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const struct fuse_setattr_in to = {
		.valid = FATTR_SIZE, .size = 3 * CHUNK,
	};
	int error = 1;

	dax_set_size(5000);
	dax_post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.last.len, 8192);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	dax_post(3, FUSE_SETATTR, file, &to, sizeof(to));
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.maps, 2);
	ck_assert_uint_eq(dax_server.unmaps, 0);
	ck_assert_uint_eq(dax_server.last.offset, 8192);
	ck_assert_uint_eq(dax_server.last.fd_offset, 8192);
	ck_assert_uint_eq(dax_server.last.len, CHUNK - 8192);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
	dax_post(4, FUSE_DESTROY, 0, NULL, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.unmaps, 2);
	dax_answer_all();
	ck_assert_uint_eq(dax_collect(&error), 1);
}
END_TEST

START_TEST(truncated_file_is_mapped_again_up_to_its_end)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	struct fuse_setattr_in to = { .valid = FATTR_SIZE, .size = 100 };
	int error = 1;

	dax_set_size(CHUNK);
	dax_post_map(1, file, 0, CHUNK, 0, 0);
	dax_collect(&error);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	dax_post(2, FUSE_SETATTR, file, &to, sizeof(to));
	ck_assert_uint_eq(dax_collect(&error), 0);	/* no reply before the change is answered */
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.len, 4096);
	dax_answer_all();
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
	to.size = 0;
	dax_post(3, FUSE_SETATTR, file, &to, sizeof(to));
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.unmaps, 2);
	ck_assert_uint_eq(dax_server.maps, 2);
	dax_answer_all();
	ck_assert_uint_eq(dax_collect(&error), 1);
}
END_TEST

START_TEST(file_that_grows_by_pages_has_few_mappings)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	struct fuse_setattr_in to = { .valid = FATTR_SIZE };
	unsigned int i;
	int error = 1;

	dax_set_size(4096);
	dax_post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	dax_answer_all();
	for (i = 2; i <= 10; i++) {
		to.size = i * 4096;
		dax_post(i, FUSE_SETATTR, file, &to, sizeof(to));
		dax_collect(&error);
		dax_answer_all();
		dax_collect(&error);
	}
	ck_assert_uint_eq(dax_server.unmaps, 8);	/* the next growth replaces them by one piece */
	ck_assert_uint_eq(dax_server.maps, 10);
}
END_TEST

START_TEST(only_executable_files_are_mapped_again_for_writing)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	dax_collect(&error);
	ck_assert(dax_server.last.writable);
	dax_answer_all();
	dax_post_map(2, file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE);
	ck_assert_uint_eq(dax_collect(&error), 2);
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert_int_eq(fchmodat(dax.dir, "file", 0755, 0), 0);
	dax_post_map(3, file, CHUNK, CHUNK, CHUNK, 0);
	dax_collect(&error);
	ck_assert(!dax_server.last.writable);
	dax_answer_all();
	dax_post_map(4, file, CHUNK, CHUNK, CHUNK, FUSE_SETUPMAPPING_FLAG_WRITE);
	dax_collect(&error);
	ck_assert(dax_server.last.writable);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	dax_answer_all();
	ck_assert_uint_eq(dax_collect(&error), 1);
}
END_TEST

START_TEST(number_of_unanswered_changes_is_bounded)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	unsigned int i;
	int error = 1;

	dax_set_size(CHUNKS * CHUNK);
	for (i = 0; i < 8; i++)	/* each request replaces four chunks */
		dax_post_map(i, file, 0, CHUNKS * CHUNK, 0, i & 1 ?
			 FUSE_SETUPMAPPING_FLAG_WRITE : 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_uint_eq(dax_server.asked, CHUNKS);
	dax_answer_all();
	ck_assert_uint_eq(dax_collect(&error), 8);
	ck_assert_int_eq(error, 0);
}
END_TEST

/* The ring is too small for a chunk, as if the front-end had not answered the others. */
START_TEST(change_without_room_is_refused_until_there_is_some)
{
	struct fs *fs = virtdev_priv_self(dax.dev, virtdev_priv_fs_stats);
	const uint64_t file = fs_rig_lookup(&dax, 1, "file"), size = fs->deferred.size;
	int error = 1;

	fs->deferred.size = 1;
	dax_post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, -EBUSY);
	ck_assert_uint_eq(dax_server.maps, 0);
	fs->deferred.size = size;
	dax_post_map(2, file, 0, CHUNK, 0, 0);
	dax_collect(&error);
	dax_answer(1, 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(drain_ends_with_the_last_answered_change)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	ck_assert_int_eq(virtdev_queue_drain(dax.dev, RIG_REQUESTS), 1);
	dax_answer(1, -ECANCELED);
	ck_assert_int_eq(virtdev_queue_drain(dax.dev, RIG_REQUESTS), 0);
	ck_assert_uint_eq(dax_collect(&error), 1);
	ck_assert_int_eq(error, -ECANCELED);
}
END_TEST

START_TEST(answer_of_a_former_session_is_ignored)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	virtdev_queue_stop(dax.dev, RIG_REQUESTS);
	virtdev_reset(dax.dev);
	ck_assert_int_eq(virtdev_queue_start(dax.dev, RIG_REQUESTS, dax.g.q, NULL),
			 0);
	dax_answer(1, 0);
	virtdev_region_done(dax.dev, UINT64_MAX, 0);
	ck_assert_uint_eq(vq_inflight(dax.g.q), 0);
}
END_TEST

/* Changes may be answered after their queue stopped without draining. */
START_TEST(refusal_after_the_stop_of_the_queue_is_ignored)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(dax_collect(&error), 0);
	virtdev_queue_stop(dax.dev, RIG_REQUESTS);
	dax_answer(1, -EIO);
	ck_assert_int_eq(virtdev_queue_start(dax.dev, RIG_REQUESTS, dax.g.q, NULL),
			 0);
	ck_assert_uint_eq(vq_inflight(dax.g.q), 0);
}
END_TEST

/* ---------------------------------------------------- with worker threads */

START_TEST(mapping_of_a_pool_completes_when_it_exists)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const struct fuse_getattr_in in = { 0 };
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, CHUNK, 0);
	dax_serve_until_asked(1);
	ck_assert_uint_eq(dax_collect(&error), 0);
	dax_post(2, FUSE_GETATTR, 1, &in, sizeof(in));
	ck_assert_int_eq(dax_await(), 0);	/* the second request */
	ck_assert_int_eq(virtdev_queue_drain(dax.dev, RIG_REQUESTS), 1);
	dax_answer(1, 0);
	ck_assert_int_eq(dax_await(), 0);
}
END_TEST

START_TEST(refused_mapping_of_a_pool_fails_only_its_request)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	int error = 1;

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	dax_serve_until_asked(1);
	dax_post_map(2, file, CHUNK, CHUNK, CHUNK, 0);
	dax_serve_until_asked(2);
	ck_assert_uint_eq(dax_collect(&error), 0);
	dax_answer(1, -EREMOTEIO);
	ck_assert_int_eq(dax_await(), -EREMOTEIO);
	dax_answer(1, 0);
	ck_assert_int_eq(dax_await(), 0);
}
END_TEST

START_TEST(waiting_requests_of_a_pool_occupy_no_thread)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	unsigned int i;
	int error = 1;

	for (i = 0; i < RIG_WORKERS; i++)
		dax_post_map(i, file, i % 3 * CHUNK, CHUNK, i * CHUNK, 0);
	dax_serve_until_asked(RIG_WORKERS);
	ck_assert_uint_eq(dax_collect(&error), 0);
	virtdev_fs_work_end(dax.dev);
	while (dax.nworkers)
		pthread_join(dax.workers[--dax.nworkers], NULL);
	dax_answer_all();
	ck_assert_uint_eq(dax_collect(&error), RIG_WORKERS);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(queue_of_a_pool_stops_during_a_mapping)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	dax_post_map(1, file, 0, CHUNK, 0, 0);
	dax_serve_until_asked(1);
	virtdev_queue_stop(dax.dev, RIG_REQUESTS);
	ck_assert_uint_eq(vq_inflight(dax.g.q), 0);
	dax_answer(1, -EIO);
	ck_assert_int_eq(virtdev_queue_start(dax.dev, RIG_REQUESTS, dax.g.q, NULL),
			 0);
}
END_TEST

static void add_pool_later(Suite *s)
{
	TCase *tc = tcase_create("pool later");

	tcase_add_checked_fixture(tc, setup_pool_later, dax_end);
	tcase_add_test(tc, mapping_of_a_pool_completes_when_it_exists);
	tcase_add_test(tc, refused_mapping_of_a_pool_fails_only_its_request);
	tcase_add_test(tc, waiting_requests_of_a_pool_occupy_no_thread);
	tcase_add_test(tc, queue_of_a_pool_stops_during_a_mapping);
	suite_add_tcase(s, tc);
}

static void add_later(Suite *s)
{
	TCase *tc = tcase_create("later");

	tcase_add_checked_fixture(tc, setup_later, dax_end);
	tcase_add_test(tc, delayed_mapping_completes_its_request);
	tcase_add_test(tc, other_requests_are_served_during_a_mapping);
	tcase_add_test(tc, delayed_refusal_fails_its_request);
	tcase_add_test(tc, added_pages_of_a_file_are_mapped_behind_the_others);
	tcase_add_test(tc, truncated_file_is_mapped_again_up_to_its_end);
	tcase_add_test(tc, file_that_grows_by_pages_has_few_mappings);
	tcase_add_test(tc, only_executable_files_are_mapped_again_for_writing);
	tcase_add_test(tc, number_of_unanswered_changes_is_bounded);
	tcase_add_test(tc, change_without_room_is_refused_until_there_is_some);
	tcase_add_test(tc, drain_ends_with_the_last_answered_change);
	tcase_add_test(tc, answer_of_a_former_session_is_ignored);
	tcase_add_test(tc, refusal_after_the_stop_of_the_queue_is_ignored);
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("dax-later");

	add_later(s);
	add_pool_later(s);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
