/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the window of a file system: what is mapped, when and how. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
	bool knows_place;	/* as a home that maps at once */
	unsigned int asked;	/* changes, of which so many are answered: */
	unsigned int answered;
	uint64_t cookies[64];
	pthread_t thread;	/* the one that serves the queue */
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
	ck_assert(pthread_equal(home.thread, pthread_self()));
	ck_assert_uint_lt(home.asked, 64);
	home.cookies[home.asked++] = cookie;
	home.maps += map;
	home.unmaps += !map;
	home.last = *m;
	if (map)
		home.flags = fcntl(m->fd, F_GETFL);
	return home.answer;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	*gpa = UINT64_C(1) << 40;
	return home.knows_place && !region ? 0 : -EOPNOTSUPP;
}

static void set_size(uint64_t size)
{
	int fd = openat(r.dir, "file", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void setup_with(bool read_only, bool at_once, unsigned int workers)
{
	static const struct virtdev_home_ops ops = {
		.size = sizeof(ops), .notify = on_notify,
		.region_change = on_change, .region_address = on_address,
	};

	memset(&home, 0, sizeof(home));
	home.knows_place = at_once;
	home.answer = !at_once;
	home.thread = pthread_self();
	fs_rig_folder(&r);
	set_size(3 * CHUNK + 100);
	r.config.window = CHUNKS * CHUNK;
	r.config.read_only = read_only;
	r.config.workers = workers;
	fs_rig_make(&r, RIG_REQUESTS);
	virtdev_set_home(r.dev, &ops, NULL);
	fs_rig_work(&r);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void setup(void)
{
	setup_with(false, true, 0);
}

static void setup_pool(void)
{
	setup_with(false, true, RIG_WORKERS);
}

static void setup_later(void)
{
	setup_with(false, false, 0);
}

static void setup_pool_later(void)
{
	setup_with(false, false, RIG_WORKERS);
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

	setup_with(true, true, 0);
	file = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(map(file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE),
			 -EROFS);
	ck_assert_int_eq(map(file, 0, CHUNK, 0, 0), 0);
	ck_assert(!home.last.writable);
	teardown();
}
END_TEST

/* --------------------------------------------------- a home that maps later */

/* The oldest unanswered changes, as a home would. */
static void answer(unsigned int n, int result)
{
	for (; n; n--)
		virtdev_region_done(r.dev, home.cookies[home.answered++],
				    result);
}

static void answer_all(void)
{
	while (home.answered < home.asked)
		answer(1, 0);
}

/* The requests are in the ring; how many answers there are now. */
static unsigned int collect(int *error)
{
	struct fuse_out_header out;
	unsigned int n = 0;
	uint32_t written;
	uint64_t cookie;

	while (virtdev_queue_serve(r.dev, RIG_REQUESTS))
		;
	for (; vq_driver_collect(r.g.driver, &cookie, &written) == 1; n++) {
		memcpy(&out, guest_at(&r.g, RIG_ANSWER + cookie * 0x1000),
		       sizeof(out));
		ck_assert_uint_eq(out.len, written);
		ck_assert_uint_eq(out.unique, cookie);
		*error = out.error;
	}
	return n;
}

/* A request by its number, which may be answered later. */
static void post(uint64_t number, uint32_t opcode, uint64_t node,
		 const void *args, uint32_t len)
{
	const uint64_t at = number * 0x1000;
	const struct fuse_in_header in = {
		.len = (uint32_t)sizeof(in) + len, .opcode = opcode,
		.unique = number, .nodeid = node, .uid = r.uid, .gid = r.gid,
	};
	const struct vq_buffer buffers[] = {
		{ RIG_ASK + at, in.len, false },
		{ RIG_ANSWER + at, 0x1000, true },
	};

	memcpy(guest_at(&r.g, RIG_ASK + at), &in, sizeof(in));
	if (len)
		memcpy(guest_at(&r.g, RIG_ASK + at + sizeof(in)), args, len);
	ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 2, number), 0);
	vq_driver_publish(r.g.driver);
}

static void post_map(uint64_t number, uint64_t node, uint64_t file_at,
		     uint64_t len, uint64_t at, uint64_t flags)
{
	const struct fuse_setupmapping_in in = {
		.fh = UINT64_MAX, .foffset = file_at, .len = len,
		.moffset = at, .flags = flags | FUSE_SETUPMAPPING_FLAG_READ,
	};

	post(number, FUSE_SETUPMAPPING, node, &in, sizeof(in));
}

START_TEST(a_mapping_that_comes_later_is_answered_then)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, CHUNK, 0);
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.maps, 1);
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(others_are_served_while_a_mapping_is_awaited)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct fuse_getattr_in in = { 0 };
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	post(2, FUSE_GETATTR, 1, &in, sizeof(in));
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, 0);
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
}
END_TEST

START_TEST(a_mapping_that_is_refused_later_is_an_error_of_its_request)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	post_map(2, file, CHUNK, CHUNK, CHUNK, 0);
	ck_assert_uint_eq(collect(&error), 0);
	answer(1, -EREMOTEIO);
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, -EREMOTEIO);
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, 0);
	post_map(3, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.unmaps, 0);	/* nothing was there */
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(what_a_file_grew_by_is_mapped_behind_what_is_there)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct fuse_setattr_in to = {
		.valid = FATTR_SIZE, .size = 3 * CHUNK,
	};
	int error = 1;

	set_size(5000);
	post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.last.len, 8192);
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
	post(3, FUSE_SETATTR, file, &to, sizeof(to));
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.maps, 2);
	ck_assert_uint_eq(home.unmaps, 0);
	ck_assert_uint_eq(home.last.offset, 8192);
	ck_assert_uint_eq(home.last.fd_offset, 8192);
	ck_assert_uint_eq(home.last.len, CHUNK - 8192);
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, 0);
	post(4, FUSE_DESTROY, 0, NULL, 0);
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.unmaps, 2);
	answer_all();
	ck_assert_uint_eq(collect(&error), 1);
}
END_TEST

START_TEST(what_was_cut_is_mapped_anew_as_far_as_it_reaches)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct fuse_setattr_in to = { .valid = FATTR_SIZE, .size = 100 };
	int error = 1;

	set_size(CHUNK);
	post_map(1, file, 0, CHUNK, 0, 0);
	collect(&error);
	answer(1, 0);
	ck_assert_uint_eq(collect(&error), 1);
	post(2, FUSE_SETATTR, file, &to, sizeof(to));
	ck_assert_uint_eq(collect(&error), 0);	/* heard of when it is so */
	ck_assert_uint_eq(home.unmaps, 1);
	ck_assert_uint_eq(home.last.len, 4096);
	answer_all();
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, 0);
	to.size = 0;
	post(3, FUSE_SETATTR, file, &to, sizeof(to));
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.unmaps, 2);
	ck_assert_uint_eq(home.maps, 2);
	answer_all();
	ck_assert_uint_eq(collect(&error), 1);
}
END_TEST

START_TEST(a_file_that_grows_page_by_page_has_few_pieces)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct fuse_setattr_in to = { .valid = FATTR_SIZE };
	unsigned int i;
	int error = 1;

	set_size(4096);
	post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(collect(&error), 0);
	answer_all();
	for (i = 2; i <= 10; i++) {
		to.size = i * 4096;
		post(i, FUSE_SETATTR, file, &to, sizeof(to));
		collect(&error);
		answer_all();
		collect(&error);
	}
	ck_assert_uint_eq(home.unmaps, 8);	/* then one in their place */
	ck_assert_uint_eq(home.maps, 10);
}
END_TEST

START_TEST(a_store_needs_no_other_mapping_but_of_a_program)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	collect(&error);
	ck_assert(home.last.writable);
	answer_all();
	post_map(2, file, 0, CHUNK, 0, FUSE_SETUPMAPPING_FLAG_WRITE);
	ck_assert_uint_eq(collect(&error), 2);
	ck_assert_uint_eq(home.maps, 1);
	ck_assert_int_eq(fchmodat(r.dir, "file", 0755, 0), 0);
	post_map(3, file, CHUNK, CHUNK, CHUNK, 0);
	collect(&error);
	ck_assert(!home.last.writable);
	answer_all();
	post_map(4, file, CHUNK, CHUNK, CHUNK, FUSE_SETUPMAPPING_FLAG_WRITE);
	collect(&error);
	ck_assert(home.last.writable);
	ck_assert_uint_eq(home.unmaps, 1);
	answer_all();
	ck_assert_uint_eq(collect(&error), 1);
}
END_TEST

START_TEST(changes_are_asked_for_some_at_a_time)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	unsigned int i;
	int error = 1;

	set_size(CHUNKS * CHUNK);
	for (i = 0; i < 8; i++)	/* each four chunks, in place of four */
		post_map(i, file, 0, CHUNKS * CHUNK, 0, i & 1 ?
			 FUSE_SETUPMAPPING_FLAG_WRITE : 0);
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_uint_eq(home.asked, CHUNKS);
	answer_all();
	ck_assert_uint_eq(collect(&error), 8);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(a_queue_is_drained_when_the_last_change_is_answered)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(collect(&error), 0);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, RIG_REQUESTS), 1);
	answer(1, -ECANCELED);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, RIG_REQUESTS), 0);
	ck_assert_uint_eq(collect(&error), 1);
	ck_assert_int_eq(error, -ECANCELED);
}
END_TEST

START_TEST(an_answer_of_a_former_session_is_nobodys)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(collect(&error), 0);
	virtdev_queue_stop(r.dev, RIG_REQUESTS);
	virtdev_reset(r.dev);
	ck_assert_int_eq(virtdev_queue_start(r.dev, RIG_REQUESTS, r.g.q, NULL),
			 0);
	answer(1, 0);
	virtdev_region_done(r.dev, UINT64_MAX, 0);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
}
END_TEST

/* Who stops a queue without draining it may be told of its changes still. */
START_TEST(a_mapping_that_is_refused_when_its_queue_has_stopped_is_nobodys)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	ck_assert_uint_eq(collect(&error), 0);
	virtdev_queue_stop(r.dev, RIG_REQUESTS);
	answer(1, -EIO);
	ck_assert_int_eq(virtdev_queue_start(r.dev, RIG_REQUESTS, r.g.q, NULL),
			 0);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
}
END_TEST

/* ------------------------------------------------- and a pool of threads */

static void serve_until_asked(unsigned int n)
{
	for (;;) {
		while (virtdev_queue_serve(r.dev, RIG_REQUESTS))
			;
		if (home.asked >= n)
			return;
		fs_rig_wait_event(&r);
	}
}

/* Until one is answered. */
static int await(void)
{
	unsigned int n;
	int error = 1;

	while (!(n = collect(&error)))
		fs_rig_wait_event(&r);
	ck_assert_uint_eq(n, 1);
	return error;
}

START_TEST(a_mapping_of_a_pool_is_answered_when_it_is_there)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct fuse_getattr_in in = { 0 };
	int error = 1;

	post_map(1, file, 0, CHUNK, CHUNK, 0);
	serve_until_asked(1);
	ck_assert_uint_eq(collect(&error), 0);
	post(2, FUSE_GETATTR, 1, &in, sizeof(in));
	ck_assert_int_eq(await(), 0);	/* the second one */
	ck_assert_int_eq(virtdev_queue_drain(r.dev, RIG_REQUESTS), 1);
	answer(1, 0);
	ck_assert_int_eq(await(), 0);
}
END_TEST

START_TEST(a_mapping_of_a_pool_that_is_refused_is_an_error_of_its_own)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int error = 1;

	post_map(1, file, 0, CHUNK, 0, 0);
	serve_until_asked(1);
	post_map(2, file, CHUNK, CHUNK, CHUNK, 0);
	serve_until_asked(2);
	ck_assert_uint_eq(collect(&error), 0);
	answer(1, -EREMOTEIO);
	ck_assert_int_eq(await(), -EREMOTEIO);
	answer(1, 0);
	ck_assert_int_eq(await(), 0);
}
END_TEST

START_TEST(requests_of_a_pool_that_wait_hold_no_thread)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	unsigned int i;
	int error = 1;

	for (i = 0; i < RIG_WORKERS; i++)
		post_map(i, file, i % 3 * CHUNK, CHUNK, i * CHUNK, 0);
	serve_until_asked(RIG_WORKERS);
	ck_assert_uint_eq(collect(&error), 0);
	virtdev_fs_work_end(r.dev);
	while (r.nworkers)
		pthread_join(r.workers[--r.nworkers], NULL);
	answer_all();
	ck_assert_uint_eq(collect(&error), RIG_WORKERS);
	ck_assert_int_eq(error, 0);
}
END_TEST

START_TEST(a_queue_of_a_pool_stops_with_a_mapping_that_is_awaited)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	post_map(1, file, 0, CHUNK, 0, 0);
	serve_until_asked(1);
	virtdev_queue_stop(r.dev, RIG_REQUESTS);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
	answer(1, -EIO);
	ck_assert_int_eq(virtdev_queue_start(r.dev, RIG_REQUESTS, r.g.q, NULL),
			 0);
}
END_TEST

static void add_pool_later(Suite *s)
{
	TCase *tc = tcase_create("pool later");

	tcase_add_checked_fixture(tc, setup_pool_later, teardown);
	tcase_add_test(tc, a_mapping_of_a_pool_is_answered_when_it_is_there);
	tcase_add_test(tc, a_mapping_of_a_pool_that_is_refused_is_an_error_of_its_own);
	tcase_add_test(tc, requests_of_a_pool_that_wait_hold_no_thread);
	tcase_add_test(tc, a_queue_of_a_pool_stops_with_a_mapping_that_is_awaited);
	suite_add_tcase(s, tc);
}

static void add_later(Suite *s)
{
	TCase *tc = tcase_create("later");

	tcase_add_checked_fixture(tc, setup_later, teardown);
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

/* Changes that are made at once, by the queue's thread itself or for its pool. */
static void add_at_once(Suite *s, const char *name, void (*begin)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, teardown);
	tcase_add_test(tc, the_window_is_region_0_and_its_chunks_are_told);
	tcase_add_test(tc, a_piece_of_a_file_is_mapped_as_it_was_asked_for);
	tcase_add_test(tc, a_chunk_that_is_mapped_again_is_replaced);
	tcase_add_test(tc, what_is_unmapped_was_mapped);
	tcase_add_test(tc, a_chunk_is_mapped_as_far_as_its_file_has_pages);
	tcase_add_test(tc, a_file_that_gets_another_length_is_mapped_so);
	tcase_add_test(tc, a_session_that_ends_leaves_an_empty_window);
	tcase_add_test(tc, a_home_that_refuses_is_an_error_for_the_driver);
	tcase_add_test(tc, a8_11_mappings_that_cannot_be_are_refused);
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("dax");
	TCase *alone = tcase_create("alone");

	add_at_once(s, "dax", setup);
	add_at_once(s, "pool", setup_pool);
	tcase_add_test(alone, a8_16_a_window_of_what_is_read_only_is_read_only);
	suite_add_tcase(s, alone);
	add_later(s);
	add_pool_later(s);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
