/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the window of a file system: what is mapped, when and how. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

#define CHUNK VIRTDEV_FS_WINDOW_ALIGN
#define CHUNKS 4u

static struct fs_rig r;
static struct {
	unsigned int maps, unmaps;
	struct virtdev_mapping last;
	int flags;		/* of the descriptor that was mapped last */
	int answer;
} home;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
}

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m,
		     uint64_t cookie)
{
	(void)opaque;
	(void)cookie;
	home.maps += map;
	home.unmaps += !map;
	home.last = *m;
	if (map)
		home.flags = fcntl(m->fd, F_GETFL);
	return home.answer;
}

static void set_size(uint64_t size)
{
	int fd = openat(r.dir, "file", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void setup_with(bool read_only)
{
	static const struct virtdev_home_ops ops = {
		.size = sizeof(ops), .notify = on_notify,
		.region_change = on_change,
	};

	memset(&home, 0, sizeof(home));
	fs_rig_folder(&r);
	set_size(3 * CHUNK + 100);
	r.config.window = CHUNKS * CHUNK;
	r.config.read_only = read_only;
	fs_rig_make(&r, RIG_REQUESTS);
	virtdev_set_home(r.dev, &ops, NULL);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void setup(void)
{
	setup_with(false);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static int map(uint64_t node, uint64_t file_at, uint64_t len, uint64_t at,
	       uint64_t flags)
{
	const struct fuse_setupmapping_in in = {
		.fh = UINT64_MAX, .foffset = file_at, .len = len,
		.moffset = at, .flags = flags | FUSE_SETUPMAPPING_FLAG_READ,
	};

	return fs_rig_ask(&r, FUSE_SETUPMAPPING, node, &in, sizeof(in), NULL,
			  0);
}

static int unmap(uint64_t at, uint64_t len)
{
	const struct { uint32_t n; } in = { 1 };
	const struct fuse_removemapping_one one = { at, len };

	return fs_rig_ask(&r, FUSE_REMOVEMAPPING, 1, &in, sizeof(in), &one,
			  sizeof(one));
}

START_TEST(the_window_is_region_0_and_its_chunks_are_told)
{
	const struct virtdev_info *info = virtdev_info(r.dev);
	struct fuse_init_out out;

	ck_assert_uint_eq(info->nregions, 1);
	ck_assert_uint_eq(info->regions[0].id, 0);
	ck_assert_uint_eq(info->regions[0].len, CHUNKS * CHUNK);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert(out.flags & FUSE_MAP_ALIGNMENT);
	ck_assert_uint_eq(UINT64_C(1) << out.map_alignment, CHUNK);
}
END_TEST

START_TEST(a_piece_of_a_file_is_mapped_as_it_was_asked_for)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert_int_eq(map(file, 2 * CHUNK, CHUNK, CHUNK, 0), 0);
	ck_assert_uint_eq(home.maps, 1);
	ck_assert_uint_eq(home.last.offset, CHUNK);
	ck_assert_uint_eq(home.last.len, CHUNK);
	ck_assert_uint_eq(home.last.fd_offset, 2 * CHUNK);
	ck_assert(!home.last.writable);
	ck_assert_int_eq(home.flags & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(map(file, 0, 2 * CHUNK, 2 * CHUNK,
			     FUSE_SETUPMAPPING_FLAG_WRITE), 0);
	ck_assert_uint_eq(home.maps, 3);
	ck_assert_uint_eq(home.last.fd_offset, CHUNK);
	ck_assert(home.last.writable);
	ck_assert_int_eq(home.flags & O_ACCMODE, O_RDWR);
}
END_TEST

START_TEST(a_chunk_that_is_mapped_again_is_replaced)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!home.last.replaces);
	ck_assert_int_eq(map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE),
			 0);
	ck_assert(home.last.replaces);
	ck_assert_uint_eq(home.unmaps, 0);
	ck_assert_int_eq(unmap(0, CHUNK), 0);
	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!home.last.replaces);
}
END_TEST

START_TEST(what_is_unmapped_was_mapped)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert_int_eq(map(file, 0, CHUNK, CHUNK, 0), 0);
	ck_assert_int_eq(unmap(0, CHUNKS * CHUNK), 0);
	ck_assert_uint_eq(home.unmaps, 1);
	ck_assert_uint_eq(home.last.offset, CHUNK);
	ck_assert_int_eq(unmap(0, CHUNKS * CHUNK), 0);
	ck_assert_uint_eq(home.unmaps, 1);
}
END_TEST

START_TEST(a_chunk_is_mapped_as_far_as_its_file_has_pages)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert_int_eq(map(file, 3 * CHUNK, CHUNK, 0, 0), 0);
	ck_assert_uint_eq(home.last.len, 4096);
	ck_assert_int_eq(map(file, 4 * CHUNK, CHUNK, CHUNK, 0), 0);
	ck_assert_uint_eq(home.maps, 1);
	ck_assert_int_eq(unmap(0, 2 * CHUNK), 0);
	ck_assert_uint_eq(home.unmaps, 1);
	ck_assert_uint_eq(home.last.len, 4096);
}
END_TEST

START_TEST(a_file_that_gets_another_length_is_mapped_so)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	struct fuse_setattr_in cut = { .valid = FATTR_SIZE, .size = 10000 };

	ck_assert_int_eq(map(file, 0, 2 * CHUNK, 0, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, file, &cut, sizeof(cut),
				    NULL, 0), 0);
	ck_assert_uint_eq(home.maps, 3);	/* the first one anew, */
	ck_assert_uint_eq(home.unmaps, 1);	/* the second one gone */
	ck_assert_int_eq(fs_rig_write(&r, file, fh, CHUNK, "x", 1), 0);
	ck_assert_uint_eq(home.maps, 5);
	ck_assert_uint_eq(home.last.offset, CHUNK);
	ck_assert_uint_eq(home.last.len, 4096);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, CHUNK, "yz", 2), 0);
	ck_assert_uint_eq(home.maps, 5);
	set_size(CHUNK + 4097);		/* by somebody else: seen when told */
	fs_rig_lookup(&r, 1, "file");
	ck_assert_uint_eq(home.maps, 6);
	ck_assert(home.last.replaces);
	ck_assert_uint_eq(home.last.len, 8192);
}
END_TEST

START_TEST(a_session_that_ends_leaves_an_empty_window)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert_int_eq(map(file, 0, 2 * CHUNK, 0, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	ck_assert_uint_eq(home.unmaps, 2);
}
END_TEST

START_TEST(a_home_that_refuses_is_an_error_for_the_driver)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	home.answer = -ENOSPC;
	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), -ENOSPC);
	home.answer = 1;
	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), -EOPNOTSUPP);
	ck_assert_uint_eq(home.unmaps, 1);
	home.answer = 0;
	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!home.last.replaces);
}
END_TEST

START_TEST(a8_11_mappings_that_cannot_be_are_refused)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct { uint32_t n; } many = { UINT32_MAX };

	ck_assert_int_eq(map(file, 0, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(map(file, 0, CHUNK, 4096, 0), -EINVAL);
	ck_assert_int_eq(map(file, 4096, CHUNK, 0, 0), -EINVAL);
	ck_assert_int_eq(map(file, 0, CHUNK, CHUNKS * CHUNK, 0), -EINVAL);
	ck_assert_int_eq(map(file, 0, UINT64_MAX, 0, 0), -EINVAL);
	ck_assert_int_eq(map(file, 0, CHUNK, UINT64_MAX - CHUNK + 1, 0),
			 -EINVAL);
	ck_assert_int_eq(map(file, UINT64_MAX - CHUNK + 1, CHUNK, 0, 0),
			 -EINVAL);
	ck_assert_int_eq(map(1, 0, CHUNK, 0, 0), -EBADF);
	ck_assert_int_eq(map(99, 0, CHUNK, 0, 0), -ESTALE);
	ck_assert_int_eq(unmap(1, CHUNK), -EINVAL);
	ck_assert_int_eq(unmap(0, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_REMOVEMAPPING, 1, &many,
				    sizeof(many), NULL, 0), -EINVAL);
	ck_assert_uint_eq(home.maps + home.unmaps, 0);
}
END_TEST

START_TEST(a8_16_a_window_of_what_is_read_only_is_read_only)
{
	uint64_t file;

	setup_with(true);
	file = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE),
			 -EROFS);
	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!home.last.writable);
	teardown();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dax");
	TCase *tc = tcase_create("dax"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_window_is_region_0_and_its_chunks_are_told);
	tcase_add_test(tc, a_piece_of_a_file_is_mapped_as_it_was_asked_for);
	tcase_add_test(tc, a_chunk_that_is_mapped_again_is_replaced);
	tcase_add_test(tc, what_is_unmapped_was_mapped);
	tcase_add_test(tc, a_chunk_is_mapped_as_far_as_its_file_has_pages);
	tcase_add_test(tc, a_file_that_gets_another_length_is_mapped_so);
	tcase_add_test(tc, a_session_that_ends_leaves_an_empty_window);
	tcase_add_test(tc, a_home_that_refuses_is_an_error_for_the_driver);
	tcase_add_test(tc, a8_11_mappings_that_cannot_be_are_refused);
	tcase_add_test(alone, a8_16_a_window_of_what_is_read_only_is_read_only);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
