/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the back-end's table of mappings. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "channel_rig.h"
#include "shmem-table.h"

#define PIECE (16 * CHANNEL_PAGE)
#define MAP VHOST_USER_BACKEND_SHMEM_MAP
#define UNMAP VHOST_USER_BACKEND_SHMEM_UNMAP

/* The fixture of one test. reported: the results reported to the table's owner, as text. */
static struct {
	struct channel_rig front;
	struct shmem_table *t;
	char reported[512];
} x;

static void on_table_result(void *opaque, uint64_t cookie, bool map, int result)
{
	size_t n = strlen(x.reported);

	(void)opaque;
	snprintf(x.reported + n, sizeof(x.reported) - n, "%s%s %u%s", n ? ", " : "",
		 map ? "map" : "unmap", (unsigned int)cookie,
		 result == 0 ? "" : result == -ECANCELED ? " cancelled" :
		 result == -EREMOTEIO ? " refused" : " failed");
}

static void expect_reported(const char *words)
{
	ck_assert_str_eq(x.reported, words);
	x.reported[0] = 0;
}

static void on_result(void *opaque, uint64_t cookie, int result)
{
	(void)opaque;
	shmem_table_result(x.t, cookie, result);
}

static uint64_t max_bytes;	/* limit of the next table */

static struct shmem_table *make(uint32_t max)
{
	const struct shmem_table_config config = {
		.shmem_sizes = channel_sizes,
		.nshmem = 4, .max = max, .max_bytes = max_bytes, .result = on_table_result,
	};
	struct shmem_table *t = NULL;

	ck_assert_int_eq(shmem_table_new(&config, &t, NULL), 0);
	return t;
}

/* Starts a session with running rings and attaches the table to it. */
static void connect_front(void)
{
	channel_prepare(&x.front);
	x.front.r.ops.shmem_result = on_result;
	rig_start(&x.front.r);
	shmem_table_attach(x.t, x.front.r.b);
	rig_up(&x.front.r);
	channel_renew(&x.front);
	shmem_table_start(x.t);
}

static void disconnect_front(void)
{
	shmem_table_attach(x.t, NULL);
	channel_fini(&x.front);
}

static void begin(uint32_t max)
{
	x.reported[0] = 0;
	x.t = make(max);
	connect_front();
}

static void end(void)
{
	disconnect_front();
	shmem_table_free(x.t);
	x.t = NULL;
}

static int add(uint64_t offset, uint64_t cookie)
{
	const struct vhost_user_shmem_request q = {
		.offset = offset, .len = PIECE, .fd_offset = PIECE,
		.fd = x.front.r.memfd, .shmid = 3, .writable = true,
	};

	return shmem_table_add(x.t, &q, cookie, NULL);
}

/* The next request is this one; its descriptor is there for a mapping only. */
static void expect_asked(uint32_t request, uint64_t offset)
{
	struct channel_request a;

	ck_assert(channel_next(&x.front, &a));
	ck_assert_uint_eq(a.hdr.request, request);
	ck_assert_uint_eq(a.m.shmid, 3);
	ck_assert_uint_eq(a.m.shm_offset, offset);
	ck_assert_uint_eq(a.m.len, PIECE);
	ck_assert_uint_eq(a.fd >= 0, request == MAP);
	vsu_fd_close(&a.fd);
}

static void expect_and_answer(uint32_t request, uint64_t offset, uint64_t value)
{
	expect_asked(request, offset);
	channel_reply(&x.front, request, value);
}

static void expect_nothing_asked(void)
{
	struct channel_request a;

	ck_assert(!channel_next(&x.front, &a));
}

static void stop_rings(void)
{
	rig_stop_ring(&x.front.r, 0);
	rig_stop_ring(&x.front.r, 1);
	shmem_table_stop(x.t);
}

static void start_ring(void)
{
	rig_set_ring(&x.front.r, 0);
	shmem_table_start(x.t);
}

START_TEST(what_is_added_is_mapped_and_what_is_removed_unmapped)
{
	begin(4);
	ck_assert_int_eq(add(PIECE, 7), 0);
	expect_and_answer(MAP, PIECE, 0);
	expect_reported("map 7");
	ck_assert_int_eq(shmem_table_remove(x.t, 7), 0);
	ck_assert_int_eq(shmem_table_remove(x.t, 7), -ENOENT);
	expect_and_answer(UNMAP, PIECE, 0);
	expect_reported("unmap 7");
	expect_nothing_asked();
	end();
}
END_TEST

START_TEST(what_is_added_before_a_session_is_asked_for_in_it)
{
	begin(4);
	disconnect_front();
	rig_prepare(&x.front.r);	/* for its file */
	ck_assert_int_eq(add(0, 1), 0);
	ck_assert_int_eq(add(PIECE, 2), 0);
	ck_assert_int_eq(shmem_table_remove(x.t, 2), 0);
	rig_start(&x.front.r);
	rig_fini(&x.front.r);
	connect_front();
	expect_and_answer(MAP, 0, 0);
	expect_nothing_asked();
	expect_reported("map 1");
	end();
}
END_TEST

START_TEST(refused_mapping_is_told_and_asked_for_only_when_told_to)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	expect_and_answer(MAP, 0, 1);
	expect_reported("map 1 refused");
	ck_assert_int_eq(add(PIECE, 2), 0);
	expect_and_answer(MAP, PIECE, 0);
	expect_nothing_asked();
	shmem_table_ask_again(x.t);
	expect_and_answer(MAP, 0, 0);
	expect_reported("map 2, map 1");
	end();
}
END_TEST

/* An unmapping that the front-end does not know leaves nothing to unmap. */
START_TEST(refused_unmapping_makes_room_all_the_same)
{
	begin(1);
	ck_assert_int_eq(add(0, 1), 0);
	expect_and_answer(MAP, 0, 0);
	ck_assert_int_eq(shmem_table_remove(x.t, 1), 0);
	ck_assert_int_eq(add(PIECE, 2), -ENOSPC);
	expect_and_answer(UNMAP, 0, 1);
	expect_reported("map 1, unmap 1 refused");
	ck_assert_int_eq(add(PIECE, 2), 0);
	expect_asked(MAP, PIECE);
	end();
}
END_TEST

START_TEST(overlapping_and_known_entries_are_refused)
{
	struct vhost_user_shmem_request q = { .len = PIECE, .fd = -1 };

	begin(4);
	ck_assert_int_eq(add(PIECE, 1), 0);
	ck_assert_int_eq(add(PIECE + CHANNEL_PAGE * 8, 2), -EEXIST);
	ck_assert_int_eq(add(CHANNEL_PAGE * 8, 2), -EEXIST);
	ck_assert_int_eq(add(4 * PIECE, 1), -EEXIST);
	ck_assert_int_eq(add(5, 2), -EINVAL);
	ck_assert_int_eq(add(4 * CHANNEL_REGION, 2), -EINVAL);
	ck_assert_int_eq(add(UINT64_MAX - CHANNEL_PAGE + 1, 2), -EINVAL);
	ck_assert_int_eq(shmem_table_add(x.t, &q, 2, NULL), -EINVAL);
	ck_assert_int_eq(add(0, 2), 0);
	ck_assert_int_eq(add(2 * PIECE, 3), 0);
	expect_asked(MAP, PIECE);
	expect_asked(MAP, 0);
	expect_asked(MAP, 2 * PIECE);
	expect_nothing_asked();
	end();
}
END_TEST

/* A third mapping has to wait until one of the two is gone. */
static void expect_room_for_two(void)
{
	ck_assert_int_eq(add(0, 1), 0);
	ck_assert_int_eq(add(PIECE, 2), 0);
	ck_assert_int_eq(add(2 * PIECE, 3), -ENOSPC);
	expect_and_answer(MAP, 0, 0);
	expect_and_answer(MAP, PIECE, 0);
	ck_assert_int_eq(shmem_table_remove(x.t, 1), 0);
	ck_assert_int_eq(add(2 * PIECE, 3), -ENOSPC);
	expect_and_answer(UNMAP, 0, 0);
	ck_assert_int_eq(add(2 * PIECE, 3), 0);
	expect_asked(MAP, 2 * PIECE);
	end();
}

START_TEST(full_table_refuses_until_a_mapping_is_gone)
{
	begin(2);
	expect_room_for_two();
}
END_TEST

START_TEST(bytes_of_a_table_have_a_limit_until_a_mapping_is_gone)
{
	max_bytes = 2 * PIECE;
	begin(8);
	max_bytes = 0;
	expect_room_for_two();
}
END_TEST

START_TEST(place_of_a_removed_mapping_is_mapped_after_it_is_gone)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	expect_asked(MAP, 0);
	ck_assert_int_eq(shmem_table_remove(x.t, 1), 0);
	ck_assert_int_eq(add(0, 1), 0);
	expect_nothing_asked();
	channel_reply(&x.front, MAP, 0);
	expect_asked(UNMAP, 0);
	expect_nothing_asked();
	channel_reply(&x.front, UNMAP, 0);
	expect_and_answer(MAP, 0, 0);
	expect_reported("map 1, unmap 1, map 1");
	end();
}
END_TEST

START_TEST(new_session_is_told_all_of_it_again)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	ck_assert_int_eq(add(PIECE, 2), 0);
	ck_assert_int_eq(add(2 * PIECE, 3), 0);
	expect_and_answer(MAP, 0, 0);
	expect_and_answer(MAP, PIECE, 1);
	expect_and_answer(MAP, 2 * PIECE, 0);
	ck_assert_int_eq(shmem_table_remove(x.t, 3), 0);
	expect_asked(UNMAP, 2 * PIECE);
	disconnect_front();
	expect_reported("map 1, map 2 refused, map 3");
	connect_front();
	expect_and_answer(MAP, 0, 0);
	expect_and_answer(MAP, PIECE, 0);
	expect_nothing_asked();
	expect_reported("map 1, map 2");
	end();
}
END_TEST

START_TEST(refusal_in_the_middle_of_a_new_session_stops_nothing)
{
	unsigned int i;

	begin(4);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(add(i * PIECE, i), 0);
	for (i = 0; i < 4; i++)
		expect_and_answer(MAP, i * PIECE, 0);
	disconnect_front();
	x.reported[0] = 0;
	connect_front();
	for (i = 0; i < 4; i++)
		expect_and_answer(MAP, i * PIECE, i == 1);
	expect_nothing_asked();
	expect_reported("map 0, map 1 refused, map 2, map 3");
	end();
}
END_TEST

START_TEST(ring_that_starts_again_takes_away_first_what_may_be_left)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	ck_assert_int_eq(add(PIECE, 2), 0);
	expect_and_answer(MAP, 0, 0);
	expect_and_answer(MAP, PIECE, 1);
	stop_rings();
	ck_assert_int_eq(add(2 * PIECE, 3), 0);
	expect_nothing_asked();
	start_ring();
	expect_asked(UNMAP, 0);
	expect_asked(MAP, PIECE);
	expect_asked(MAP, 2 * PIECE);
	channel_reply(&x.front, UNMAP, 1);
	channel_reply(&x.front, MAP, 0);
	channel_reply(&x.front, MAP, 0);
	expect_and_answer(MAP, 0, 0);
	expect_nothing_asked();
	end();
}
END_TEST

START_TEST(cancelled_mapping_is_in_doubt)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	expect_asked(MAP, 0);
	stop_rings();
	expect_reported("map 1 cancelled");
	start_ring();
	expect_asked(UNMAP, 0);
	channel_reply(&x.front, MAP, 0);		/* sent before the stop */
	channel_reply(&x.front, UNMAP, 0);
	expect_and_answer(MAP, 0, 0);
	expect_reported("unmap 1, map 1");
	end();
}
END_TEST

START_TEST(reset_leaves_nothing_to_take_away)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	expect_and_answer(MAP, 0, 0);
	stop_rings();
	shmem_table_reset(x.t);
	start_ring();
	expect_and_answer(MAP, 0, 0);
	expect_nothing_asked();
	end();
}
END_TEST

/* The session takes 64 unanswered requests, which fill region 3 here. */
START_TEST(request_that_finds_no_room_is_sent_after_an_answer)
{
	struct vhost_user_shmem_request q = { .len = PIECE };
	struct channel_request a;
	unsigned int i;

	begin(65);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(add(i * PIECE, i), 0);
	q.fd = x.front.r.memfd;
	ck_assert_int_eq(shmem_table_add(x.t, &q, 64, NULL), 0);
	for (i = 0; i < 64; i++)
		expect_asked(MAP, i * PIECE);
	expect_nothing_asked();
	channel_reply(&x.front, MAP, 0);
	ck_assert(channel_next(&x.front, &a));
	ck_assert_uint_eq(a.m.shmid, 0);
	vsu_fd_close(&a.fd);
	end();
}
END_TEST

START_TEST(front_end_that_answers_nothing_is_taken_at_its_silence)
{
	begin(4);
	channel_end_acknowledgements(&x.front);
	ck_assert_int_eq(add(0, 1), 0);
	expect_asked(MAP, 0);
	expect_reported("map 1");
	shmem_table_stop(x.t);
	shmem_table_start(x.t);
	expect_asked(UNMAP, 0);
	expect_asked(MAP, 0);
	expect_reported("unmap 1, map 1");
	end();
}
END_TEST

START_TEST(answers_of_nobody_are_ignored)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	expect_asked(MAP, 0);
	shmem_table_result(x.t, UINT64_MAX, 0);
	shmem_table_result(x.t, (UINT64_C(1) << 32) | 3, 0);
	shmem_table_result(x.t, 0, 0);
	expect_reported("");
	channel_reply(&x.front, MAP, 0);
	expect_reported("map 1");
	end();
}
END_TEST

/* Descriptors are counted around every test. */
START_TEST(freed_table_keeps_no_descriptor)
{
	begin(4);
	ck_assert_int_eq(add(0, 1), 0);
	ck_assert_int_eq(add(PIECE, 2), 0);
	expect_and_answer(MAP, 0, 0);
	expect_asked(MAP, PIECE);
	ck_assert_int_eq(shmem_table_remove(x.t, 2), 0);
	end();
	shmem_table_free(NULL);
}
END_TEST

START_TEST(wrong_configuration_is_refused)
{
	struct shmem_table_config config = {
		.shmem_sizes = channel_sizes,
		.nshmem = 4, .max = 1,
	};
	struct shmem_table *t;

	config.max = 0;
	ck_assert_int_eq(shmem_table_new(&config, &t, NULL), -EINVAL);
	config.max = SHMEM_TABLE_MAX + 1;
	ck_assert_int_eq(shmem_table_new(&config, &t, NULL), -EINVAL);
	config.max = 1;
	config.nshmem = VHOST_USER_SHMEM_REGIONS + 1;
	ck_assert_int_eq(shmem_table_new(&config, &t, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shmem_table");
	TCase *tc = rig_case(s, "shmem_table");

	tcase_add_test(tc, what_is_added_is_mapped_and_what_is_removed_unmapped);
	tcase_add_test(tc, what_is_added_before_a_session_is_asked_for_in_it);
	tcase_add_test(tc, refused_mapping_is_told_and_asked_for_only_when_told_to);
	tcase_add_test(tc, refused_unmapping_makes_room_all_the_same);
	tcase_add_test(tc, overlapping_and_known_entries_are_refused);
	tcase_add_test(tc, full_table_refuses_until_a_mapping_is_gone);
	tcase_add_test(tc, bytes_of_a_table_have_a_limit_until_a_mapping_is_gone);
	tcase_add_test(tc, place_of_a_removed_mapping_is_mapped_after_it_is_gone);
	tcase_add_test(tc, new_session_is_told_all_of_it_again);
	tcase_add_test(tc, refusal_in_the_middle_of_a_new_session_stops_nothing);
	tcase_add_test(tc, ring_that_starts_again_takes_away_first_what_may_be_left);
	tcase_add_test(tc, cancelled_mapping_is_in_doubt);
	tcase_add_test(tc, reset_leaves_nothing_to_take_away);
	tcase_add_test(tc, request_that_finds_no_room_is_sent_after_an_answer);
	tcase_add_test(tc, front_end_that_answers_nothing_is_taken_at_its_silence);
	tcase_add_test(tc, answers_of_nobody_are_ignored);
	tcase_add_test(tc, freed_table_keeps_no_descriptor);
	tcase_add_test(tc, wrong_configuration_is_refused);
	return run_suite(s);
}
