/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about disks on files: the effect of each request, with each engine. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../guest.h"
#include "../image.h"
#include "../suite.h"
#include "disk/priv.h"

#define SIZE (8u << 20)

static struct test_disk disk;
static unsigned char buf[1 << 16], other[1 << 16];
static uint32_t engine;

static void use_uring(void)
{
	engine = VIRTDEV_DISK_ENGINE_IO_URING;
}

static void use_sync(void)
{
	engine = VIRTDEV_DISK_ENGINE_SYNC;
}

static void use_mmap(void)
{
	engine = VIRTDEV_DISK_ENGINE_MMAP;
}

/* Folders of images; the mmap engine requires one in RAM. */
static const char *place(void)
{
	return engine == VIRTDEV_DISK_ENGINE_MMAP ? "/dev/shm" : "/tmp";
}

static void setup(void)
{
	size_t i;

	folder_init(place());
	image_make("image", SIZE);
	test_disk_init(&disk, "image", engine, 16);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)(i * 7 + i / 512);
}

static void teardown(void)
{
	test_disk_fini(&disk);
	folder_fini();
}

/* Reads the bytes of the image without the disk. */
static void read_image(const char *name, uint64_t at, void *to, size_t len)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, to, len, (off_t)at), (ssize_t)len);
	close(fd);
}

static uint64_t blocks_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(name, &st), 0);
	return (uint64_t)st.st_blocks;
}

START_TEST(disk_has_the_size_of_the_file)
{
	static const char *const names[] = { NULL, "io_uring", "sync", "mmap" };
	const struct virtdev_disk_info *info = virtdev_priv_disk_info(disk.disk);

	ck_assert_uint_eq(info->capacity, SIZE);
	ck_assert_uint_eq(info->block_size, 512);
	ck_assert_uint_ge(info->physical_block_size, 512);
	ck_assert_uint_eq(info->read_only, 0);
	ck_assert_uint_eq(info->blocks,
			  engine == VIRTDEV_DISK_ENGINE_SYNC);
	ck_assert_str_eq(virtdev_priv_disk_engine(disk.disk), names[engine]);
}
END_TEST

START_TEST(written_bytes_are_in_the_file)
{
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 4096, buf,
				      sizeof(buf)), 0);
	read_image("image", 4096, other, sizeof(other));
	ck_assert_mem_eq(buf, other, sizeof(buf));
	memset(other, 0, sizeof(other));
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 4096, other,
				      sizeof(other)), 0);
	ck_assert_mem_eq(buf, other, sizeof(buf));
}
END_TEST

START_TEST(pieces_are_written_and_read_in_order)
{
	struct iovec iov[64];
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = iov, .niov = 64,
		.len = 64 * 512,
	};
	int i;

	for (i = 0; i < 64; i++)
		iov[i] = (struct iovec) { buf + (63 - i) * 512, 512 };
	test_disk_submit(&disk, &r);
	ck_assert_ptr_eq(test_disk_wait(&disk), &r);
	ck_assert_int_eq(r.result, 0);
	read_image("image", 0, other, 64 * 512);
	for (i = 0; i < 64; i++)
		ck_assert_mem_eq(other + i * 512, buf + (63 - i) * 512, 512);
}
END_TEST

START_TEST(e1_07_channel_accepts_requests_up_to_its_depth)
{
	struct virtdev_disk_request r[16];
	struct iovec iov[16];
	unsigned int i, seen = 0;

	for (i = 0; i < 16; i++) {
		iov[i] = (struct iovec) { buf + i * 512, 512 };
		r[i] = (struct virtdev_disk_request) {
			.op = VIRTDEV_DISK_WRITE, .iov = &iov[i], .niov = 1,
			.offset = i * 512, .len = 512, .result = 1,
		};
		test_disk_submit(&disk, &r[i]);
	}
	for (i = 0; i < 16; i++)
		seen |= 1u << (test_disk_wait(&disk) - r);
	ck_assert_uint_eq(seen, 0xffff);
	read_image("image", 0, other, 16 * 512);
	ck_assert_mem_eq(buf, other, 16 * 512);
}
END_TEST

#define DEEP 5000u

/* More requests than the submission or completion ring has entries. */
START_TEST(e1_07_deep_channel_completes_each_request_once)
{
	struct virtdev_disk_request *r = calloc(DEEP, sizeof(*r));
	struct iovec iov = { buf, 512 };
	unsigned int i;

	test_disk_fini(&disk);
	test_disk_init(&disk, "image", engine, DEEP);
	for (i = 0; i < DEEP; i++) {
		r[i] = (struct virtdev_disk_request) {
			.op = VIRTDEV_DISK_WRITE, .iov = &iov, .niov = 1,
			.offset = i * 512, .len = 512, .result = 1,
		};
		test_disk_submit(&disk, &r[i]);
	}
	for (i = 0; i < DEEP; i++)
		ck_assert_int_eq(test_disk_wait(&disk)->result, 0);
	for (i = 0; i < DEEP; i++)
		ck_assert_int_eq(r[i].result, 0);
	free(r);
}
END_TEST

START_TEST(flush_succeeds)
{
	test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, buf, 512);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_FLUSH, 0, 0, 0),
			 0);
}
END_TEST

START_TEST(empty_requests_do_nothing)
{
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, buf, 0), 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, buf, 0),
			 0);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_DISCARD, 0, 0, 0),
			 0);
	ck_assert_uint_eq(blocks_of("image"), 0);
}
END_TEST

START_TEST(discard_frees_space_and_reads_as_zeros)
{
	uint64_t before;

	test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, buf, sizeof(buf));
	before = blocks_of("image");
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_DISCARD, 4096,
					 32768, false), 0);
	ck_assert_uint_lt(blocks_of("image"), before);
	read_image("image", 0, other, sizeof(other));
	ck_assert_mem_eq(other, buf, 4096);
	ck_assert_uint_eq(other[4096], 0);
	ck_assert_uint_eq(other[36863], 0);
	ck_assert_mem_eq(other + 36864, buf + 36864, sizeof(buf) - 36864);
}
END_TEST

/* Aligned or not, with or without may_unmap, the bytes read as zeros. */
static const struct {
	bool may_unmap;
	uint32_t at, len;
} zeros[] = {
	{ false, 4096, 8192 }, { true, 4096, 8192 },
	{ false, 512, 512 }, { true, 512, 512 },
	{ false, 1536, 20480 }, { true, 1536, 20480 },
};

START_TEST(write_zeroes_changes_only_its_range)
{
	uint32_t at = zeros[_i].at, len = zeros[_i].len;

	test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, buf, sizeof(buf));
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_ZERO, at, len,
					 zeros[_i].may_unmap), 0);
	memset(buf + at, 0, len);
	read_image("image", 0, other, sizeof(other));
	ck_assert_mem_eq(other, buf, sizeof(buf));
}
END_TEST

START_TEST(zeros_without_may_unmap_keep_their_space)
{
	uint64_t before;

	test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, buf, sizeof(buf));
	before = blocks_of("image");
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_ZERO, 0,
					 sizeof(buf), false), 0);
	ck_assert_uint_eq(blocks_of("image"), before);
}
END_TEST

START_TEST(reads_beyond_the_end_of_a_truncated_file_fail)
{
	ck_assert_int_eq(truncate("image", 1024), 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, buf, 1024),
			 0);
	/* an mmap engine reads zeros up to the end of the page */
	if (engine != VIRTDEV_DISK_ENGINE_MMAP)
		ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 512,
					      buf, 1024), -EIO);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 4096, buf,
				      512), -EIO);
}
END_TEST

START_TEST(invalid_buffer_fails_the_request)
{
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0,
				      (void *)4096, 512), -EFAULT);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0,
				      (void *)4096, 512), -EFAULT);
}
END_TEST

/* Submits a request that completes within one kick. */
static void ck_done_by_one_kick(struct virtdev_disk_request *r, int result)
{
	r->result = 1;
	test_disk_submit(&disk, r);
	ck_assert_int_eq(test_disk_kick(&disk, 1), 1);
	ck_assert_ptr_eq(test_disk_reap(&disk), r);
	ck_assert_int_eq(r->result, result);
	ck_assert_int_eq(test_disk_kick(&disk, 1), 0);
}

START_TEST(a4_20_empty_request_completes_in_its_kick)
{
	static const uint32_t ops[] = {
		VIRTDEV_DISK_READ, VIRTDEV_DISK_WRITE, VIRTDEV_DISK_DISCARD,
		VIRTDEV_DISK_ZERO,
	};
	struct virtdev_disk_request r = { .op = ops[_i] };

	ck_done_by_one_kick(&r, 0);
}
END_TEST

START_TEST(a4_20_flush_of_a_read_only_disk_completes_in_its_kick)
{
	struct virtdev_disk_request r = { .op = VIRTDEV_DISK_FLUSH };
	struct test_disk writable = disk;

	/* the image of the other disk is locked for one writer */
	image_make("other", SIZE);
	ck_assert_int_eq(disk_open("other", true, engine, &disk.disk, NULL), 0);
	ck_assert_int_eq(disk.disk->ops.channel_open(disk.disk->self, 4,
						     &disk.channel, NULL), 0);
	ck_done_by_one_kick(&r, 0);
	test_disk_fini(&disk);
	disk = writable;
}
END_TEST

#define LONG (3u << 20)

START_TEST(a4_19_kick_moves_at_most_its_budget)
{
	unsigned char *bytes = malloc(LONG), *back = malloc(LONG);
	struct iovec iov[] = { { bytes, 5000 }, { bytes + 5000, LONG - 5000 } };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = iov, .niov = 2,
		.offset = 512, .len = LONG,
	};
	unsigned int kicks = 0;
	size_t i;

	for (i = 0; i < LONG; i++)
		bytes[i] = (unsigned char)(i * 31 + (i >> 12));
	test_disk_submit(&disk, &r);
	while (!test_disk_reap(&disk)) {
		kicks += test_disk_kick(&disk, 1) != 0;
		ck_assert_uint_lt(kicks, 1000);
	}
	ck_assert_int_eq(r.result, 0);
	ck_assert_uint_ge(kicks, 3);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 512, back,
				      LONG), 0);
	ck_assert_mem_eq(back, bytes, LONG);
	free(bytes);
	free(back);
}
END_TEST

START_TEST(a4_19_budget_is_shared_by_the_requests_of_a_channel)
{
	struct iovec iov[16];
	struct virtdev_disk_request r[16];
	unsigned int i, done = 0;

	for (i = 0; i < 16; i++) {
		iov[i] = (struct iovec) { buf, sizeof(buf) };
		r[i] = (struct virtdev_disk_request) {
			.op = VIRTDEV_DISK_WRITE, .iov = &iov[i], .niov = 1,
			.offset = i * sizeof(buf), .len = sizeof(buf),
		};
		test_disk_submit(&disk, &r[i]);
	}
	/* the budget allows four requests */
	ck_assert_int_eq(test_disk_kick(&disk, 4 * sizeof(buf)), -EAGAIN);
	for (i = 0; test_disk_reap(&disk); i++)
		;
	ck_assert_uint_le(i, 4);
	for (done = i; done < 16; done++)
		ck_assert_int_eq(test_disk_wait(&disk)->result, 0);
	ck_assert_ptr_null(test_disk_reap(&disk));
}
END_TEST

/*
 * Runs a write under a file size limit. Without assertions, because Check
 * writes its notes to a file, too.
 */
static int write_under_limit(struct virtdev_disk_request *r, rlim_t size)
{
	const struct virtdev_disk_ops *ops = &disk.disk->ops;
	void *self = disk.disk->self;
	struct rlimit before, limit;
	struct pollfd p = { ops->channel_fd(self, disk.channel), POLLIN, 0 };

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = size;
	setrlimit(RLIMIT_FSIZE, &limit);
	ops->submit(self, disk.channel, r);
	while (test_disk_kick(&disk, UINT64_MAX), !test_disk_reap(&disk))
		poll(&p, 1, 10);
	setrlimit(RLIMIT_FSIZE, &before);
	return r->result;
}

START_TEST(e1_02_write_beyond_the_file_size_limit_fails)
{
	struct iovec iov = { buf, 512 };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = &iov, .niov = 1,
		.offset = 65536, .len = 512,
	};

	ck_assert_int_eq(write_under_limit(&r, 65536), -EFBIG);
	r.offset = 65024;
	ck_assert_int_eq(write_under_limit(&r, 65536), 0);
}
END_TEST

/* The limit makes the kernel write only the first _i bytes of three pieces. */
START_TEST(e1_08_short_write_is_continued_at_every_boundary)
{
	struct iovec iov[] = { { buf, 100 }, { buf + 100, 1 },
			       { buf + 101, 411 } };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = iov, .niov = 3, .len = 512,
	};

	/* everything below the limit is written, and the whole request fails */
	ck_assert_int_eq(write_under_limit(&r, (rlim_t)_i), _i < 512 ? -EFBIG :
			 0);
	read_image("image", 0, other, 512);
	ck_assert_mem_eq(other, buf, (size_t)_i < 512 ? (size_t)_i : 512);
}
END_TEST

START_TEST(e1_01_full_file_system_fails_writes_until_there_is_space)
{
	struct test_disk full;

	mount_here("tmpfs", "size=64k");
	image_make("fs/image", 1 << 20);
	image_make("fs/ballast", 0);
	test_disk_init(&full, "fs/image", engine, 4);
	ck_assert_int_eq(test_disk_do(&full, VIRTDEV_DISK_WRITE, 0, buf,
				      32768), 0);
	ck_assert_int_eq(test_disk_do(&full, VIRTDEV_DISK_WRITE, 65536, buf,
				      65536), -ENOSPC);
	ck_assert_int_eq(test_disk_range(&full, VIRTDEV_DISK_DISCARD, 0,
					 1 << 20, false), 0);
	ck_assert_int_eq(test_disk_do(&full, VIRTDEV_DISK_WRITE, 131072, buf,
				      32768), 0);
	ck_assert_int_eq(test_disk_range(&full, VIRTDEV_DISK_FLUSH, 0, 0, 0),
			 0);
	test_disk_fini(&full);
	umount("fs");
}
END_TEST

START_TEST(e1_21_without_holes_discard_is_refused_and_zeros_are_written)
{
	struct test_disk plain;

	mount_here("ramfs", NULL);
	image_make("fs/image", 4 << 20);
	test_disk_init(&plain, "fs/image", engine, 4);
	test_disk_do(&plain, VIRTDEV_DISK_WRITE, 0, buf, sizeof(buf));
	ck_assert_int_eq(test_disk_range(&plain, VIRTDEV_DISK_DISCARD, 0, 4096,
					 false), -EOPNOTSUPP);
	ck_assert_int_eq(test_disk_range(&plain, VIRTDEV_DISK_ZERO, 512,
					 (3 << 20) + 512, _i), 0);
	read_image("fs/image", 0, other, sizeof(other));
	ck_assert_mem_eq(other, buf, 512);
	ck_assert_uint_eq(other[512], 0);
	ck_assert_uint_eq(other[sizeof(other) - 1], 0);
	test_disk_fini(&plain);
	umount("fs");
}
END_TEST

START_TEST(open_and_close_leak_nothing)
{
	struct baseline before;
	struct test_disk d;
	int i;

	image_make("second", SIZE);
	for (i = 0; i < 50; i++) {
		if (i == 1)
			before = baseline_take();
		test_disk_init(&d, "second", engine, 128);
		test_disk_do(&d, VIRTDEV_DISK_WRITE, 0, buf, 512);
		test_disk_fini(&d);
	}
	baseline_check(before);
}
END_TEST

/* Tests that require their own file system. */
static void add_mounted(TCase *tc)
{
	if (!may_mount())
		return;
	tcase_add_test(tc, e1_01_full_file_system_fails_writes_until_there_is_space);
	/* the file system without holes is not in RAM, which mmap requires */
	if (engine != VIRTDEV_DISK_ENGINE_MMAP)
		tcase_add_loop_test(tc, e1_21_without_holes_discard_is_refused_and_zeros_are_written,
				    0, 2);
}

static TCase *requests(const char *name, SFun choose)
{
	TCase *tc = tcase_create(name);

	tcase_add_unchecked_fixture(tc, choose, NULL);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, disk_has_the_size_of_the_file);
	tcase_add_test(tc, written_bytes_are_in_the_file);
	tcase_add_test(tc, pieces_are_written_and_read_in_order);
	tcase_add_test(tc, e1_07_channel_accepts_requests_up_to_its_depth);
	tcase_add_test(tc, e1_07_deep_channel_completes_each_request_once);
	tcase_add_test(tc, flush_succeeds);
	tcase_add_test(tc, empty_requests_do_nothing);
	tcase_add_loop_test(tc, a4_20_empty_request_completes_in_its_kick,
			    0, 4);
	tcase_add_test(tc, a4_20_flush_of_a_read_only_disk_completes_in_its_kick);
	if (!under_valgrind())	/* valgrind does not track what io_uring writes */
		tcase_add_test(tc, a4_19_kick_moves_at_most_its_budget);
	tcase_add_test(tc, a4_19_budget_is_shared_by_the_requests_of_a_channel);
	tcase_add_test(tc, discard_frees_space_and_reads_as_zeros);
	tcase_add_loop_test(tc, write_zeroes_changes_only_its_range, 0,
			    sizeof(zeros) / sizeof(*zeros));
	tcase_add_test(tc, zeros_without_may_unmap_keep_their_space);
	if (!under_valgrind() || choose != use_mmap)
		tcase_add_test(tc, reads_beyond_the_end_of_a_truncated_file_fail);
	if (!under_valgrind() && choose != use_mmap)
		tcase_add_test(tc, invalid_buffer_fails_the_request);
	tcase_add_test(tc, e1_02_write_beyond_the_file_size_limit_fails);
	tcase_add_loop_test(tc, e1_08_short_write_is_continued_at_every_boundary,
			    95, 106);
	tcase_add_loop_test(tc, e1_08_short_write_is_continued_at_every_boundary,
			    508, 514);
	tcase_add_test(tc, open_and_close_leak_nothing);
	choose();
	add_mounted(tc);
	return tc;
}

START_TEST(null_disk_completes_requests_without_data)
{
	struct test_disk d;

	ck_assert_int_eq(virtdev_disk_null_new(4096, &d.disk, NULL), 0);
	ck_assert_str_eq(virtdev_priv_disk_engine(d.disk), "null");
	ck_assert_int_eq(d.disk->ops.channel_open(d.disk->self, 4, &d.channel,
						  NULL), 0);
	memset(buf, 0x11, 512);
	ck_assert_int_eq(test_disk_do(&d, VIRTDEV_DISK_READ, 0, buf, 512), 0);
	ck_assert_uint_eq(buf[0], 0x11);
	ck_assert_int_eq(test_disk_do(&d, VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	ck_assert_int_eq(test_disk_range(&d, VIRTDEV_DISK_FLUSH, 0, 0, 0), 0);
	ck_assert_int_eq(test_disk_range(&d, VIRTDEV_DISK_ZERO, 0, 512, 1), 0);
	test_disk_fini(&d);
}
END_TEST

START_TEST(size_of_a_null_disk_must_be_a_multiple_of_a_sector)
{
	struct virtdev_disk *d;

	ck_assert_int_eq(virtdev_disk_null_new(0, &d, NULL), -EINVAL);
	ck_assert_int_eq(virtdev_disk_null_new(1000, &d, NULL), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *null = tcase_create("null");
	Suite *s = suite_create("disk");

	if (!may_mount())
		puts("# skipped: file systems that require root to mount");
	tcase_add_test(null, null_disk_completes_requests_without_data);
	tcase_add_test(null, size_of_a_null_disk_must_be_a_multiple_of_a_sector);
	suite_add_tcase(s, null);
	suite_add_tcase(s, requests("sync", use_sync));
	if (engine_works(VIRTDEV_DISK_ENGINE_IO_URING))
		suite_add_tcase(s, requests("io_uring", use_uring));
	else
		puts("# skipped: io_uring is refused by this host");
	if (engine_works(VIRTDEV_DISK_ENGINE_MMAP))
		suite_add_tcase(s, requests("mmap", use_mmap));
	else
		puts("# skipped: the mmap engine requires a tmpfs");
	fflush(stdout);

	return run_suite(s);
}
