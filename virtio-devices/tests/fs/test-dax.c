/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the DAX window and its mappings. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "../suite.h"
#include "dax-rig.h"

static void setup(void)
{
	dax_begin(false, true, 0);
}

static void setup_pool(void)
{
	dax_begin(false, true, RIG_WORKERS);
}

START_TEST(the_window_is_region_0_and_its_chunks_are_told)
{
	const struct virtdev_info *info = virtdev_get_info(dax.dev);
	struct fuse_init_out out;

	ck_assert_uint_eq(info->nregions, 1);
	ck_assert_uint_eq(info->regions[0].id, 0);
	ck_assert_uint_eq(info->regions[0].len, CHUNKS * CHUNK);
	ck_assert_int_eq(fs_rig_begin(&dax), 0);
	memcpy(&out, fs_rig_answer(&dax), sizeof(out));
	ck_assert(out.flags & FUSE_MAP_ALIGNMENT);
	ck_assert_uint_eq(UINT64_C(1) << out.map_alignment, CHUNK);
}
END_TEST

START_TEST(a_piece_of_a_file_is_mapped_as_it_was_asked_for)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	ck_assert_int_eq(dax_map(file, 2 * CHUNK, CHUNK, CHUNK, 0), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert_uint_eq(dax_server.last.offset, CHUNK);
	ck_assert_uint_eq(dax_server.last.len, CHUNK);
	ck_assert_uint_eq(dax_server.last.fd_offset, 2 * CHUNK);
	ck_assert(!dax_server.last.writable);
	ck_assert_int_eq(dax_server.flags & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(dax_map(file, 0, 2 * CHUNK, 2 * CHUNK,
			     FUSE_SETUPMAPPING_FLAG_WRITE), 0);
	ck_assert_uint_eq(dax_server.maps, 2);	/* consecutive chunks are one mapping */
	ck_assert_uint_eq(dax_server.last.fd_offset, 0);
	ck_assert_uint_eq(dax_server.last.len, 2 * CHUNK);
	ck_assert(dax_server.last.writable);
	ck_assert_int_eq(dax_server.flags & O_ACCMODE, O_RDWR);
}
END_TEST

START_TEST(a_chunk_that_is_mapped_again_is_replaced)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!dax_server.last.replaces);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE),
			 0);
	ck_assert(dax_server.last.replaces);
	ck_assert_uint_eq(dax_server.unmaps, 0);
	ck_assert_int_eq(dax_unmap(0, CHUNK), 0);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!dax_server.last.replaces);
}
END_TEST

/* The answer needs the device's lock, which a change must not hold. */
START_TEST(a_server_may_answer_another_change_during_a_change)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	dax_server.answers_inside = true;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert_int_eq(dax_unmap(0, CHUNK), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert_uint_eq(dax_server.unmaps, 1);
}
END_TEST

START_TEST(what_is_unmapped_was_mapped)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	ck_assert_int_eq(dax_map(file, 0, CHUNK, CHUNK, 0), 0);
	ck_assert_int_eq(dax_unmap(0, CHUNKS * CHUNK), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.offset, CHUNK);
	ck_assert_int_eq(dax_unmap(0, CHUNKS * CHUNK), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
}
END_TEST

START_TEST(a_chunk_is_mapped_as_far_as_its_file_has_pages)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	ck_assert_int_eq(dax_map(file, 3 * CHUNK, CHUNK, 0, 0), 0);
	ck_assert_uint_eq(dax_server.last.len, 4096);
	ck_assert_int_eq(dax_map(file, 4 * CHUNK, CHUNK, CHUNK, 0), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert_int_eq(dax_unmap(0, 2 * CHUNK), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.len, 4096);
}
END_TEST

START_TEST(a_file_that_gets_another_length_is_mapped_so)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const uint64_t fh = fs_rig_open(&dax, FUSE_OPEN, file, O_RDWR);
	struct fuse_setattr_in cut = { .valid = FATTR_SIZE, .size = 10000 };

	ck_assert_int_eq(dax_map(file, 0, 2 * CHUNK, 0, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&dax, FUSE_SETATTR, file, &cut, sizeof(cut),
				    NULL, 0), 0);
	ck_assert_uint_eq(dax_server.maps, 2);	/* the pages of the file, */
	ck_assert_uint_eq(dax_server.unmaps, 1);	/* and the rest is unmapped */
	ck_assert_uint_eq(dax_server.last.offset, 12288);
	ck_assert_uint_eq(dax_server.last.len, 2 * CHUNK - 12288);
	ck_assert_int_eq(fs_rig_write(&dax, file, fh, CHUNK, "x", 1), 0);
	ck_assert_uint_eq(dax_server.maps, 3);
	ck_assert_uint_eq(dax_server.last.offset, 0);
	ck_assert_uint_eq(dax_server.last.len, CHUNK + 4096);
	ck_assert_int_eq(fs_rig_write(&dax, file, fh, CHUNK, "yz", 2), 0);
	ck_assert_uint_eq(dax_server.maps, 3);
	dax_set_size(CHUNK + 4097);		/* by another process: detected by GETATTR */
	fs_rig_lookup(&dax, 1, "file");
	ck_assert_uint_eq(dax_server.maps, 4);
	ck_assert(dax_server.last.replaces);
	ck_assert_uint_eq(dax_server.last.len, 8192);
}
END_TEST

START_TEST(a_session_that_ends_leaves_an_empty_window)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	ck_assert_int_eq(dax_map(file, 0, 2 * CHUNK, 0, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&dax, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.len, 2 * CHUNK);
}
END_TEST

START_TEST(a_server_that_refuses_is_an_error_for_the_driver)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	dax_server.answer = -ENOSPC;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), -ENOSPC);
	dax_server.answer = 0;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!dax_server.last.replaces);
}
END_TEST

START_TEST(a8_11_mappings_that_cannot_be_are_refused)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const struct { uint32_t n; } many = { UINT32_MAX };

	ck_assert_int_eq(dax_map(file, 0, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 4096, 0), -EINVAL);
	ck_assert_int_eq(dax_map(file, 4096, CHUNK, 0, 0), -EINVAL);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, CHUNKS * CHUNK, 0), -EINVAL);
	ck_assert_int_eq(dax_map(file, 0, UINT64_MAX, 0, 0), -EINVAL);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, UINT64_MAX - CHUNK + 1, 0),
			 -EINVAL);
	ck_assert_int_eq(dax_map(file, UINT64_MAX - CHUNK + 1, CHUNK, 0, 0),
			 -EINVAL);
	ck_assert_int_eq(dax_map(1, 0, CHUNK, 0, 0), -EBADF);
	ck_assert_int_eq(dax_map(99, 0, CHUNK, 0, 0), -ESTALE);
	ck_assert_int_eq(dax_unmap(1, CHUNK), -EINVAL);
	ck_assert_int_eq(dax_unmap(0, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&dax, FUSE_REMOVEMAPPING, 1, &many,
				    sizeof(many), NULL, 0), -EINVAL);
	ck_assert_uint_eq(dax_server.maps + dax_server.unmaps, 0);
}
END_TEST

START_TEST(a8_16_a_window_of_what_is_read_only_is_read_only)
{
	uint64_t file;

	dax_begin(true, true, 0);
	file = fs_rig_lookup(&dax, 1, "file");
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE),
			 -EROFS);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!dax_server.last.writable);
	dax_end();
}
END_TEST

/* Each kind of request that changes the window. */
static void post_changes(uint64_t file, unsigned int round)
{
	const struct { uint32_t n; struct fuse_removemapping_one one; }
		__attribute__((packed)) gone = { 1, { 3 * CHUNK, CHUNK } };
	const struct fuse_setattr_in cut = {
		.valid = FATTR_SIZE, .size = CHUNK * (round % 3) + round,
	};
	unsigned int i;

	for (i = 0; i < CHUNKS; i++)
		dax_post_map(i, file, (i + round) % 3 * CHUNK, CHUNK, i * CHUNK,
			     round & 1 ? FUSE_SETUPMAPPING_FLAG_WRITE : 0);
	dax_post(i++, FUSE_SETATTR, file, &cut, sizeof(cut));
	dax_post(i++, FUSE_REMOVEMAPPING, 1, &gone, sizeof(gone));
}

START_TEST(changes_by_many_threads_are_made_in_order_and_answered)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	unsigned int round, i, n;
	int error = 0;

	for (round = 0; round < 100; round++) {
		post_changes(file, round);
		for (n = 0;; fs_rig_wait_event(&dax)) {
			n += dax_collect(&error);
			ck_assert_int_eq(error, 0);
			if (n == CHUNKS + 2)
				break;
		}
	}
	ck_assert_int_eq(dax_unmap(0, CHUNKS * CHUNK), 0);
	for (i = 0; i < CHUNKS; i++)
		ck_assert(!dax_server.mapped[i]);
}
END_TEST

static void add_pool(Suite *s)
{
	TCase *tc = tcase_create("pool alone");

	tcase_add_checked_fixture(tc, setup_pool, dax_end);
	tcase_add_test(tc, changes_by_many_threads_are_made_in_order_and_answered);
	suite_add_tcase(s, tc);
}

/* A server that maps immediately, without and with worker threads. */
static void add_at_once(Suite *s, const char *name, void (*begin)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, dax_end);
	tcase_add_test(tc, the_window_is_region_0_and_its_chunks_are_told);
	tcase_add_test(tc, a_piece_of_a_file_is_mapped_as_it_was_asked_for);
	tcase_add_test(tc, a_chunk_that_is_mapped_again_is_replaced);
	tcase_add_test(tc, a_server_may_answer_another_change_during_a_change);
	tcase_add_test(tc, what_is_unmapped_was_mapped);
	tcase_add_test(tc, a_chunk_is_mapped_as_far_as_its_file_has_pages);
	tcase_add_test(tc, a_file_that_gets_another_length_is_mapped_so);
	tcase_add_test(tc, a_session_that_ends_leaves_an_empty_window);
	tcase_add_test(tc, a_server_that_refuses_is_an_error_for_the_driver);
	tcase_add_test(tc, a8_11_mappings_that_cannot_be_are_refused);
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("dax");
	TCase *alone = tcase_create("alone");

	add_at_once(s, "dax", setup);
	add_at_once(s, "pool", setup_pool);
	add_pool(s);
	tcase_add_test(alone, a8_16_a_window_of_what_is_read_only_is_read_only);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
