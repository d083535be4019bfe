/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a window whose server replies later, as over vhost-user. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include "../suite.h"
#include "dax-rig.h"

static void setup_later(void)
{
	dax_begin(false, false, 0);
}

static void setup_pool_later(void)
{
	dax_begin(false, false, RIG_WORKERS);
}

START_TEST(a_mapping_that_comes_later_is_answered_then)
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

START_TEST(others_are_served_while_a_mapping_is_awaited)
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

START_TEST(a_mapping_that_is_refused_later_is_an_error_of_its_request)
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

START_TEST(what_a_file_grew_by_is_mapped_behind_what_is_there)
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

START_TEST(what_was_cut_is_mapped_anew_as_far_as_it_reaches)
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

START_TEST(a_file_that_grows_page_by_page_has_few_pieces)
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

START_TEST(a_store_needs_no_other_mapping_but_of_a_program)
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

START_TEST(changes_are_asked_for_some_at_a_time)
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

START_TEST(a_queue_is_drained_when_the_last_change_is_answered)
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

START_TEST(an_answer_of_a_former_session_is_nobodys)
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
START_TEST(a_mapping_that_is_refused_when_its_queue_has_stopped_is_nobodys)
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

START_TEST(a_mapping_of_a_pool_is_answered_when_it_is_there)
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

START_TEST(a_mapping_of_a_pool_that_is_refused_is_an_error_of_its_own)
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

START_TEST(requests_of_a_pool_that_wait_hold_no_thread)
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

START_TEST(a_queue_of_a_pool_stops_with_a_mapping_that_is_awaited)
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
	tcase_add_test(tc, a_mapping_of_a_pool_is_answered_when_it_is_there);
	tcase_add_test(tc, a_mapping_of_a_pool_that_is_refused_is_an_error_of_its_own);
	tcase_add_test(tc, requests_of_a_pool_that_wait_hold_no_thread);
	tcase_add_test(tc, a_queue_of_a_pool_stops_with_a_mapping_that_is_awaited);
	suite_add_tcase(s, tc);
}

static void add_later(Suite *s)
{
	TCase *tc = tcase_create("later");

	tcase_add_checked_fixture(tc, setup_later, dax_end);
	tcase_add_test(tc, a_mapping_that_comes_later_is_answered_then);
	tcase_add_test(tc, others_are_served_while_a_mapping_is_awaited);
	tcase_add_test(tc, a_mapping_that_is_refused_later_is_an_error_of_its_request);
	tcase_add_test(tc, what_a_file_grew_by_is_mapped_behind_what_is_there);
	tcase_add_test(tc, what_was_cut_is_mapped_anew_as_far_as_it_reaches);
	tcase_add_test(tc, a_file_that_grows_page_by_page_has_few_pieces);
	tcase_add_test(tc, a_store_needs_no_other_mapping_but_of_a_program);
	tcase_add_test(tc, changes_are_asked_for_some_at_a_time);
	tcase_add_test(tc, a_queue_is_drained_when_the_last_change_is_answered);
	tcase_add_test(tc, an_answer_of_a_former_session_is_nobodys);
	tcase_add_test(tc, a_mapping_that_is_refused_when_its_queue_has_stopped_is_nobodys);
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
