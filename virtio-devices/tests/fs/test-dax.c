/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the DAX window and its mappings. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/state.h>

#include "../suite.h"
#include "core/device_priv.h"
#include "dax-rig.h"
#include "fs/device/priv.h"

/* A thread that is preempted after a stat(): it posts has_read, and waits for goes_on. */
static struct {
	int in;			/* atomic: stat() calls until then; 0: never */
	sem_t has_read, goes_on;
} preempted;

int __real_virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);
int __wrap_virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);

int __wrap_virtdev_priv_fs_stat(int dir, const char *name, struct statx *st)
{
	const int rc = __real_virtdev_priv_fs_stat(dir, name, st);

	if (__atomic_load_n(&preempted.in, __ATOMIC_SEQ_CST) &&
	    !__atomic_sub_fetch(&preempted.in, 1, __ATOMIC_SEQ_CST)) {
		sem_post(&preempted.has_read);
		while (sem_wait(&preempted.goes_on) < 0)
			;
	}
	return rc;
}

static int host_page;		/* 0: the true one */

int __real_getpagesize(void);
int __wrap_getpagesize(void);
int __attribute__((used)) __wrap_getpagesize(void)
{
	return host_page ? host_page : __real_getpagesize();
}

static void setup(void)
{
	dax_begin(false, true, 0);
}

/* A window that a load maps in three turns. */
static void setup_large(void)
{
	dax_begin(false, true, 0);
	dax_set_size(MAX_CHUNKS * CHUNK);
	virtdev_queue_stop(dax.dev, dax.queue);
	dax.config.window = MAX_CHUNKS * CHUNK;
	dax_renew();
	ck_assert_int_eq(virtdev_queue_start(dax.dev, dax.queue, dax.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&dax), 0);
}

static void setup_pool(void)
{
	dax_begin(false, true, RIG_WORKERS);
}

/* Linux writes a mapped file back only if a block is as large as its page. */
START_TEST(size_of_blocks_is_left_to_a_guest_that_maps_files)
{
	const struct fs_statx_in in = { .mask = STATX_BASIC_STATS };
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	struct fuse_attr_out attr;
	struct fs_statx_out out;

	ck_assert_int_eq(fs_rig_getattr(&dax, file), 0);
	memcpy(&attr, fs_rig_answer(&dax), sizeof(attr));
	ck_assert_uint_eq(attr.attr.blksize, 0);
	ck_assert_int_eq(fs_rig_ask(&dax, FS_STATX, file, &in, sizeof(in), NULL, 0), 0);
	memcpy(&out, fs_rig_answer(&dax), sizeof(out));
	ck_assert_uint_eq(out.blksize, 0);
}
END_TEST

/* The ring of changes is too small for a chunk, as if others filled it. */
START_TEST(change_without_room_is_refused)
{
	struct fs *fs = virtdev_priv_self(dax.dev, virtdev_priv_fs_stats);
	const uint64_t file = fs_rig_lookup(&dax, 1, "file"), size = fs->deferred.size;

	fs->deferred.size = 1;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), -EBUSY);
	ck_assert_uint_eq(dax_server.maps, 0);
	fs->deferred.size = size;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
}
END_TEST

START_TEST(window_is_region_0_and_announces_its_chunk_size)
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

START_TEST(range_of_a_file_is_mapped_as_requested)
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

START_TEST(second_mapping_of_a_chunk_replaces_the_first)
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
START_TEST(server_may_complete_another_change_during_a_change)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	dax_server.answers_inside = true;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert_int_eq(dax_unmap(0, CHUNK), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert_uint_eq(dax_server.unmaps, 1);
}
END_TEST

START_TEST(only_mapped_chunks_are_unmapped)
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

START_TEST(chunk_is_mapped_up_to_the_last_page_of_its_file)
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

/* KVM and the front-end refuse a part of such a page. */
START_TEST(mapping_has_whole_pages_of_a_host_with_larger_ones)
{
	static const int pages[] = { 16384, 65536 };
	const uint64_t file = fs_rig_lookup(&dax, 1, "file"), page = (uint64_t)pages[_i];
	const struct fuse_setattr_in cut = { .valid = FATTR_SIZE, .size = 3 * CHUNK + 1 };

	host_page = pages[_i];
	ck_assert_int_eq(dax_map(file, 3 * CHUNK, CHUNK, 0, 0), 0);
	ck_assert_uint_eq(dax_server.last.len, page);
	dax_set_size(3 * CHUNK + page + 1);
	fs_rig_lookup(&dax, 1, "file");
	ck_assert_uint_eq(dax_server.maps, 2);
	ck_assert_uint_eq(dax_server.last.len, 2 * page);
	ck_assert_int_eq(fs_rig_ask(&dax, FUSE_SETATTR, file, &cut, sizeof(cut), NULL, 0), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.offset, page);
	ck_assert_uint_eq(dax_server.last.len, page);
	host_page = 0;
}
END_TEST

START_TEST(mapping_follows_the_length_of_its_file)
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

/* The search would find a chunk that belongs to the file according to the table alone. */
START_TEST(window_is_not_searched_for_a_file_without_mappings)
{
	struct fs *fs = virtdev_priv_self(dax.dev, virtdev_priv_fs_stats);
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	uint64_t other;

	fs_rig_put_file(&dax, "other", "content");
	other = fs_rig_lookup(&dax, 1, "other");
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	fs->chunks[1].node = other;
	ck_assert_uint_eq(fs_rig_lookup(&dax, 1, "other"), other);
	ck_assert_uint_eq(dax_server.maps, 1);
	fs->chunks[1].node = 0;
	ck_assert_int_eq(dax_map(other, 0, CHUNK, 0, 0), 0);
	fs_rig_lookup(&dax, 1, "file");
	ck_assert_uint_eq(dax_server.maps, 2);
	ck_assert_int_eq(dax_unmap(0, CHUNK), 0);
	fs->chunks[1].node = other;
	fs_rig_lookup(&dax, 1, "other");
	ck_assert_uint_eq(dax_server.maps, 2);
	fs->chunks[1].node = 0;
}
END_TEST

/* From a part of the first chunk to a part of the second: one change of both. */
START_TEST(growth_that_the_server_refused_is_repeated)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const uint64_t fh = fs_rig_open(&dax, FUSE_OPEN, file, O_RDWR);
	const uint64_t end = _i ? CHUNK + 4096 : 8192;

	dax_set_size(100);
	ck_assert_int_eq(dax_map(file, 0, 2 * CHUNK, 0, 0), 0);
	ck_assert_uint_eq(dax_server.last.len, 4096);
	dax_server.answer = -ENOSPC;
	ck_assert_int_eq(fs_rig_write(&dax, file, fh, end - 1, "x", 1), 0);
	ck_assert_uint_eq(dax_server.maps, 2);
	dax_server.answer = 0;
	fs_rig_lookup(&dax, 1, "file");
	ck_assert_uint_eq(dax_server.maps, 3);
	ck_assert(dax_server.last.replaces);
	ck_assert_uint_eq(dax_server.last.offset, 0);
	ck_assert_uint_eq(dax_server.last.len, end);
	fs_rig_lookup(&dax, 1, "file");
	ck_assert_uint_eq(dax_server.maps, 3);
	ck_assert_int_eq(dax_unmap(0, 2 * CHUNK), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.len, end);
}
END_TEST

/* Nothing of the chunk was mapped before. */
START_TEST(first_pages_that_the_server_refused_are_mapped_later)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const uint64_t fh = fs_rig_open(&dax, FUSE_OPEN, file, O_RDWR);

	dax_set_size(0);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	dax_server.answer = -ENOSPC;
	ck_assert_int_eq(fs_rig_write(&dax, file, fh, 0, "x", 1), 0);
	ck_assert_uint_eq(dax_server.maps, 1);
	dax_server.answer = 0;
	fs_rig_lookup(&dax, 1, "file");
	ck_assert_uint_eq(dax_server.maps, 2);
	ck_assert(!dax_server.last.replaces);
}
END_TEST

START_TEST(end_of_a_session_empties_the_window)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	ck_assert_int_eq(dax_map(file, 0, 2 * CHUNK, 0, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&dax, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	ck_assert_uint_eq(dax_server.unmaps, 1);
	ck_assert_uint_eq(dax_server.last.len, 2 * CHUNK);
}
END_TEST

START_TEST(refusal_by_the_server_is_an_error_for_the_driver)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");

	dax_server.answer = -ENOSPC;
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), -ENOSPC);
	dax_server.answer = 0;
	fs_rig_lookup(&dax, 1, "file");	/* does not map the file instead */
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!dax_server.last.replaces);
}
END_TEST

START_TEST(a8_11_impossible_mappings_are_refused)
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

START_TEST(a8_16_window_of_a_read_only_directory_is_read_only)
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

static void await_replies(unsigned int n)
{
	int error = 0;

	for (;;) {
		n -= dax_collect(&error);
		ck_assert_int_eq(error, 0);
		if (!n)
			return;
		fs_rig_wait_event(&dax);
	}
}

/* Another thread serves the posted request up to its nth stat(). */
static void preempt_after_stat(int n)
{
	int error;

	sem_init(&preempted.has_read, 0, 0);
	sem_init(&preempted.goes_on, 0, 0);
	__atomic_store_n(&preempted.in, n, __ATOMIC_SEQ_CST);
	ck_assert_uint_eq(dax_collect(&error), 0);
	while (sem_wait(&preempted.has_read) < 0)
		;
}

/* The file grows from the first page of the last chunk to the third. */
static void extend_file(uint64_t file, uint64_t fh)
{
	const struct { struct fuse_write_in in; char byte; } write = {
		{ .fh = fh, .offset = 3 * CHUNK + 8192, .size = 1 }, 'x',
	};

	dax_post(2, FUSE_WRITE, file, &write, sizeof(write.in) + 1);
	await_replies(1);
}

static void check_extended(void)
{
	sem_post(&preempted.goes_on);
	await_replies(1);
	ck_assert_uint_eq(dax_server.unmaps, 0);
	ck_assert_uint_eq(dax_server.last.len, 12288);
}

/* The thread reads a size that differs from the mapping again. */
START_TEST(size_that_another_thread_changed_is_not_used)
{
	const struct fuse_getattr_in in = { 0 };
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const uint64_t fh = fs_rig_open(&dax, FUSE_OPEN, file, O_RDWR);

	ck_assert_int_eq(dax_map(file, 3 * CHUNK, CHUNK, 0, 0), 0);
	dax_set_size(3 * CHUNK + 5000 * (uint64_t)_i + 100);
	dax_post(1, FUSE_GETATTR, file, &in, sizeof(in));
	preempt_after_stat(1 + _i);
	extend_file(file, fh);
	ck_assert_uint_eq(dax_server.last.len, 12288);
	check_extended();
}
END_TEST

START_TEST(file_that_grows_while_it_is_mapped_is_mapped_to_its_end)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const uint64_t fh = fs_rig_open(&dax, FUSE_OPEN, file, O_RDWR);

	dax_post_map(1, file, 3 * CHUNK, CHUNK, 0, 0);
	preempt_after_stat(1);
	extend_file(file, fh);
	check_extended();
}
END_TEST

static void add_pool(Suite *s)
{
	TCase *tc = tcase_create("pool alone");

	tcase_add_checked_fixture(tc, setup_pool, dax_end);
	tcase_add_test(tc, changes_by_many_threads_are_made_in_order_and_answered);
	tcase_add_loop_test(tc, size_that_another_thread_changed_is_not_used, 0, 2);
	tcase_add_test(tc, file_that_grows_while_it_is_mapped_is_mapped_to_its_end);
	suite_add_tcase(s, tc);
}

/* A server that maps immediately, without and with worker threads. */
static void add_at_once(Suite *s, const char *name, void (*begin)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, dax_end);
	tcase_add_test(tc, window_is_region_0_and_announces_its_chunk_size);
	tcase_add_test(tc, size_of_blocks_is_left_to_a_guest_that_maps_files);
	tcase_add_test(tc, range_of_a_file_is_mapped_as_requested);
	tcase_add_test(tc, second_mapping_of_a_chunk_replaces_the_first);
	tcase_add_test(tc, server_may_complete_another_change_during_a_change);
	tcase_add_test(tc, only_mapped_chunks_are_unmapped);
	tcase_add_test(tc, chunk_is_mapped_up_to_the_last_page_of_its_file);
	tcase_add_loop_test(tc, mapping_has_whole_pages_of_a_host_with_larger_ones, 0, 2);
	tcase_add_test(tc, mapping_follows_the_length_of_its_file);
	tcase_add_test(tc, window_is_not_searched_for_a_file_without_mappings);
	tcase_add_loop_test(tc, growth_that_the_server_refused_is_repeated, 0, 2);
	tcase_add_test(tc, first_pages_that_the_server_refused_are_mapped_later);
	tcase_add_test(tc, end_of_a_session_empties_the_window);
	tcase_add_test(tc, change_without_room_is_refused);
	tcase_add_test(tc, refusal_by_the_server_is_an_error_for_the_driver);
	tcase_add_test(tc, a8_11_impossible_mappings_are_refused);
	suite_add_tcase(s, tc);
}

/* ------------------------------------------------------------------ nosuid */

static void set_mode(mode_t mode)
{
	ck_assert_int_eq(fchmodat(dax.dir, "file", mode, 0), 0);
}

START_TEST(nosuid_maps_files_with_privileges_read_only)
{
	static const mode_t modes[] = { 04644, 04755, 02644 };
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	size_t i;

	virtdev_queue_stop(dax.dev, dax.queue);
	dax.config.nosuid = true;
	dax_renew();
	ck_assert_int_eq(virtdev_queue_start(dax.dev, dax.queue, dax.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&dax), 0);
	ck_assert_uint_eq(fs_rig_lookup(&dax, 1, "file"), file);
	for_rows(i, sizeof(modes) / sizeof(*modes)) {
		set_mode(modes[i]);
		ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE), -EPERM);
		ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, 0), 0);
		ck_assert(!dax_server.last.writable);
		ck_assert_int_eq(dax_server.flags & O_ACCMODE, O_RDONLY);
	}
	set_mode(0755);
	ck_assert_int_eq(dax_map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE), 0);
}
END_TEST

/* ------------------------------------------------------------------- saved */

/* Bytes of a state before the model's, and of the version's field in them. */
#define HEAD 20u
#define VERSION_AT 12u
#define LEN_AT 16u
/* Bytes of a chunk in the list of the window, and of the list's end. */
#define RECORD 21u
#define END 4u

static unsigned char *save(size_t *len)
{
	void *bytes;

	virtdev_queue_stop(dax.dev, dax.queue);
	virtdev_pause(dax.dev);
	ck_assert_int_eq(virtdev_state_take(dax.dev, &bytes, len, NULL), 0);
	return bytes;
}

static int load(const void *bytes, size_t len, struct vsu_error *err)
{
	int rc;

	dax_renew();
	rc = virtdev_state_load(dax.dev, bytes, len, err);
	ck_assert_int_eq(virtdev_queue_start(dax.dev, dax.queue, dax.g.q, NULL), 0);
	return rc;
}

static void map_three(uint64_t file)
{
	ck_assert_int_eq(dax_map(file, CHUNK, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE), 0);
	ck_assert_int_eq(dax_map(file, 2 * CHUNK, 2 * CHUNK, 2 * CHUNK, 0), 0);
}

START_TEST(nosuid_does_not_map_a_saved_window_writable_if_its_file_has_privileges)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	unsigned char *bytes;
	size_t len;

	set_mode(04755);
	map_three(file);
	bytes = save(&len);
	dax.config.nosuid = true;
	ck_assert_int_eq(load(bytes, len, NULL), -ENOENT);
	virtdev_queue_stop(dax.dev, dax.queue);
	dax.config.lost = VIRTDEV_FS_LOST_ERROR;
	dax_server.maps = 0;
	ck_assert_int_eq(load(bytes, len, NULL), 0);
	free(bytes);
	ck_assert_uint_eq(dax_server.maps, 1);
	ck_assert(!dax_server.last.writable);
}
END_TEST

START_TEST(a_saved_window_is_mapped_again)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *bytes;
	size_t len;
	int rc;

	map_three(file);
	bytes = save(&len);
	rc = load(bytes, len, &err);
	free(bytes);
	ck_assert_msg(!rc, "%s", err.msg);
	ck_assert_uint_eq(dax_server.maps, 2);
	ck_assert(dax_server.mapped[0] && !dax_server.mapped[1] && dax_server.mapped[2]);
	ck_assert_uint_eq(dax_server.last.offset, 2 * CHUNK);
	ck_assert_uint_eq(dax_server.last.fd_offset, 2 * CHUNK);
	ck_assert_uint_eq(dax_server.last.len, CHUNK + 4096);
	ck_assert_int_eq(dax_server.flags & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(dax_unmap(0, CHUNKS * CHUNK), 0);
	ck_assert(!dax_server.mapped[0] && !dax_server.mapped[2]);
}
END_TEST

/* More chunks than one turn maps: the load takes several, and maps each once. */
START_TEST(a_large_window_is_mapped_in_turns)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int turns = 1;
	unsigned char *bytes;
	size_t len;
	int rc;

	ck_assert_int_eq(dax_map(file, 0, MAX_CHUNKS * CHUNK, 0, 0), 0);
	bytes = save(&len);
	dax_renew();
	rc = virtdev_state_load_begin(dax.dev, bytes, len, &err);
	for (; rc == 1; turns++)
		rc = virtdev_state_load_turn(dax.dev, &err);
	free(bytes);
	ck_assert_msg(!rc, "%s", err.msg);
	/* lists of inodes and handles; then 1024, 1024 and 2 chunks */
	ck_assert_uint_eq(turns, 6);
	ck_assert_uint_eq(dax_server.last.offset + dax_server.last.len, MAX_CHUNKS * CHUNK);
	ck_assert_int_eq(virtdev_queue_start(dax.dev, dax.queue, dax.g.q, NULL), 0);
	ck_assert_int_eq(dax_unmap(0, MAX_CHUNKS * CHUNK), 0);
}
END_TEST

START_TEST(a_state_without_a_window_loads)
{
	unsigned char *bytes;
	uint32_t word;
	size_t len;

	fs_rig_lookup(&dax, 1, "file");
	bytes = save(&len);
	word = htole32(1);
	memcpy(bytes + VERSION_AT, &word, 4);
	word = htole32((uint32_t)(len - HEAD - 8 - END));
	memcpy(bytes + LEN_AT, &word, 4);
	ck_assert_int_eq(load(bytes, len - 8 - END, NULL), 0);
	free(bytes);
	ck_assert_uint_eq(dax_server.maps, 0);
}
END_TEST

/* Changes of bytes before the end of a list of three chunks. */
static const struct { unsigned int back; uint64_t value; unsigned int len; } hostile[] = {
	{ END + RECORD, CHUNKS + 1, 4 },		/* beyond the window */
	{ END + RECORD, 1, 4 },				/* not ascending */
	{ END + RECORD - 4, 0, 8 },			/* no inode */
	{ END + RECORD - 12, 4096, 8 },			/* unaligned */
	{ END + RECORD - 12, UINT64_MAX - CHUNK + 1, 8 }, /* beyond any file */
	{ END, 1, 4 },					/* a list without its end */
	{ END + 3 * RECORD + 8, 4096, 8 },		/* another guest address */
};

START_TEST(hostile_windows_are_refused)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	const uint64_t value = htole64(hostile[_i].value);
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *bytes;
	size_t len;

	map_three(file);
	bytes = save(&len);
	memcpy(bytes + len - hostile[_i].back, &value, hostile[_i].len);
	ck_assert_int_lt(load(bytes, len, &err), 0);
	free(bytes);
	ck_assert_str_ne(err.msg, "");
	ck_assert_uint_eq(dax_server.maps, 0);
	ck_assert_int_eq(fs_rig_begin(&dax), 0);
}
END_TEST

START_TEST(a_window_that_cannot_be_mapped_ends_a_load)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *bytes;
	size_t len;

	map_three(file);
	bytes = save(&len);
	dax_server.answer = -ENOSPC;
	ck_assert_int_eq(load(bytes, len, &err), -EIO);
	free(bytes);
	ck_assert_ptr_nonnull(strstr(err.msg, "into the DAX window"));
	ck_assert_int_eq(fs_rig_getattr(&dax, 1), -ENOTCONN);
}
END_TEST

START_TEST(chunks_of_a_lost_file_stay_empty)
{
	const uint64_t file = fs_rig_lookup(&dax, 1, "file");
	unsigned char *bytes;
	size_t len;

	map_three(file);
	bytes = save(&len);
	ck_assert_int_eq(unlinkat(dax.dir, "file", 0), 0);
	dax.config.lost = VIRTDEV_FS_LOST_ERROR;
	ck_assert_int_eq(load(bytes, len, NULL), 0);
	free(bytes);
	ck_assert_uint_eq(dax_server.maps, 0);
	ck_assert_int_eq(fs_rig_getattr(&dax, file), -ESTALE);
}
END_TEST

static void add_saved(Suite *s)
{
	TCase *tc = tcase_create("saved");

	tcase_add_checked_fixture(tc, setup, dax_end);
	tcase_add_test(tc, a_saved_window_is_mapped_again);
	tcase_add_test(tc, nosuid_maps_files_with_privileges_read_only);
	tcase_add_test(tc, nosuid_does_not_map_a_saved_window_writable_if_its_file_has_privileges);
	tcase_add_test(tc, a_state_without_a_window_loads);
	tcase_add_loop_test(tc, hostile_windows_are_refused, 0,
			    (int)(sizeof(hostile) / sizeof(hostile[0])));
	tcase_add_test(tc, a_window_that_cannot_be_mapped_ends_a_load);
	tcase_add_test(tc, chunks_of_a_lost_file_stay_empty);
	suite_add_tcase(s, tc);
	tc = tcase_create("large");
	tcase_add_checked_fixture(tc, setup_large, dax_end);
	tcase_add_test(tc, a_large_window_is_mapped_in_turns);
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("dax");
	TCase *alone = tcase_create("alone");

	add_at_once(s, "dax", setup);
	add_at_once(s, "pool", setup_pool);
	add_pool(s);
	add_saved(s);
	tcase_add_test(alone, a8_16_window_of_a_read_only_directory_is_read_only);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
