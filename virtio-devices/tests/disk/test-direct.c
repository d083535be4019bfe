/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about disks that bypass the page cache, and about block sizes. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../guest.h"
#include "../image.h"
#include "../suite.h"
#include "disk/priv.h"

#define SIZE (1u << 20)
#define CHUNK 65536u

static struct vsu_error err;
static struct test_disk disk;
static unsigned char *bytes, *back;	/* CHUNK and a page, aligned */
static uint32_t engine;

static void use_uring(void)
{
	engine = VIRTDEV_DISK_ENGINE_IO_URING;
}

static void use_sync(void)
{
	engine = VIRTDEV_DISK_ENGINE_SYNC;
}

static int open_with(uint32_t with, bool direct, uint32_t block_size,
		     struct virtdev_disk **out)
{
	const struct virtdev_disk_file how = {
		.size = sizeof(how), .path = "image", .engine = with,
		.direct = direct, .block_size = block_size,
	};

	memset(&err, 0, sizeof(err));
	return virtdev_disk_file_open(&how, out, &err);
}

static void *fresh_pages(void)
{
	void *pages = mmap(NULL, CHUNK + 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(pages, MAP_FAILED);
	return pages;
}

static void setup(void)
{
	uint32_t i;

	folder_init("/var/tmp");
	image_make("image", SIZE);
	bytes = fresh_pages();
	back = fresh_pages();
	for (i = 0; i < CHUNK + 4096; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 512);
}

static void setup_disk(void)
{
	setup();
	ck_assert_msg(open_with(engine, true, 0, &disk.disk) == 0, "%s",
		      err.msg);
	ck_assert_int_eq(disk.disk->ops.channel_open(disk.disk->self, 16,
						     &disk.channel, &err), 0);
}

static void teardown(void)
{
	munmap(bytes, CHUNK + 4096);
	munmap(back, CHUNK + 4096);
	folder_fini();
}

static void teardown_disk(void)
{
	test_disk_fini(&disk);
	teardown();
}

/* Number of cached pages of this part of the image. */
static unsigned int cached_pages(uint64_t at)
{
	unsigned char there[SIZE / 4096];
	unsigned int i, n = 0;
	int fd = open("image", O_RDONLY | O_CLOEXEC);
	void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(mincore(map, SIZE, there), 0);
	for (i = 0; i < CHUNK / 4096; i++)
		n += there[at / 4096 + i] & 1u;
	munmap(map, SIZE);
	return n;
}

/*
 * In the middle of the file: valgrind reads the beginning of each file that is
 * mapped.
 */
START_TEST(aligned_requests_bypass_the_page_cache)
{
	const uint64_t at = SIZE / 2;

	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, at, bytes,
				      CHUNK), 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, at, back,
				      CHUNK), 0);
	ck_assert_mem_eq(bytes, back, CHUNK);
	ck_assert_uint_eq(cached_pages(at), 0);
}
END_TEST

static const struct {
	uint64_t at, len;
	uint32_t skew;		/* offset of the memory from a page boundary */
} odd[] = {
	{ 512, 512, 0 }, { 4096, 1024, 0 }, { 4096, 4096, 512 },
	{ 4096, 4096, 1 }, { 1536, 10240, 24 },
};

START_TEST(unaligned_requests_are_served)
{
	const uint64_t at = odd[_i].at, len = odd[_i].len;
	unsigned char *from = bytes + odd[_i].skew;

	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, at, from, len),
			 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, at,
				      back + odd[_i].skew, len), 0);
	ck_assert_mem_eq(from, back + odd[_i].skew, len);
	/*
	 * an aligned read bypasses the cache, which must not contain newer data
	 */
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, back, CHUNK),
			 0);
	ck_assert_mem_eq(back + at, from, len);
}
END_TEST

START_TEST(request_with_one_unaligned_piece_is_served)
{
	struct iovec iov[] = {
		{ bytes, 4096 }, { bytes + 4096, 512 }, { bytes + 8192, 3584 },
	};
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = iov, .niov = 3, .len = 8192,
	};

	test_disk_submit(&disk, &r);
	ck_assert_ptr_eq(test_disk_wait(&disk), &r);
	ck_assert_int_eq(r.result, 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, back, 8192),
			 0);
	ck_assert_mem_eq(back, bytes, 4608);
	ck_assert_mem_eq(back + 4608, bytes + 8192, 3584);
}
END_TEST

START_TEST(flush_zeros_and_discard_work_with_direct_io)
{
	memset(back, 0xff, CHUNK);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, bytes,
				      CHUNK), 0);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_FLUSH, 0, 0, false),
			 0);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_ZERO, 512, 8192,
					 false), 0);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_DISCARD, 16384,
					 8192, false), 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, back, CHUNK),
			 0);
	memset(bytes + 512, 0, 8192);
	memset(bytes + 16384, 0, 8192);
	ck_assert_mem_eq(bytes, back, CHUNK);
}
END_TEST

START_TEST(direct_io_of_a_mapped_image_is_refused)
{
	struct virtdev_disk *out;

	ck_assert_int_eq(open_with(VIRTDEV_DISK_ENGINE_MMAP, true, 0, &out),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot bypass the page cache"));
}
END_TEST

static const struct {
	uint32_t block_size;
	const char *refusal;
} sizes[] = {
	{ 512, NULL },
	{ 4096, NULL },
	{ 65536, NULL },
	{ 256, "blocks of 256 bytes: 'image' supports powers of two from 512 to 65536" },
	{ 768, "blocks of 768 bytes: 'image' supports powers of two from 512 to 65536" },
	{ 131072, "blocks of 131072 bytes: 'image' supports powers of two from 512 to 65536" },
};

START_TEST(blocks_have_the_configured_size)
{
	struct virtdev_disk *out;
	int rc = open_with(VIRTDEV_DISK_ENGINE_SYNC, false,
			   sizes[_i].block_size, &out);

	ck_assert_int_eq(rc, sizes[_i].refusal ? -EINVAL : 0);
	if (rc < 0) {
		ck_assert_str_eq(err.msg, sizes[_i].refusal);
		return;
	}
	ck_assert_uint_eq(virtdev_priv_disk_info(out)->block_size,
			  sizes[_i].block_size);
	ck_assert_uint_ge(virtdev_priv_disk_info(out)->physical_block_size,
			  sizes[_i].block_size);
	virtdev_disk_free(out);
}
END_TEST

START_TEST(d1_18_capacity_must_be_a_multiple_of_the_block_size)
{
	struct virtdev_disk *out;

	ck_assert_int_eq(truncate("image", SIZE + 512), 0);
	ck_assert_int_eq(open_with(VIRTDEV_DISK_ENGINE_SYNC, false, 4096, &out),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "'image' has 1049088 bytes, not a multiple of its blocks of 4096; use blocks of 512");
}
END_TEST

static void add_engine(Suite *s, const char *name, void (*use)(void))
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(s, tc);
	tcase_add_unchecked_fixture(tc, use, NULL);
	tcase_add_checked_fixture(tc, setup_disk, teardown_disk);
	tcase_add_test(tc, aligned_requests_bypass_the_page_cache);
	tcase_add_loop_test(tc, unaligned_requests_are_served, 0,
			    sizeof(odd) / sizeof(*odd));
	tcase_add_test(tc, request_with_one_unaligned_piece_is_served);
	tcase_add_test(tc, flush_zeros_and_discard_work_with_direct_io);
}

static void add_opening(Suite *s)
{
	TCase *tc = tcase_create("opening");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, blocks_have_the_configured_size, 0,
			    sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(tc, d1_18_capacity_must_be_a_multiple_of_the_block_size);
	tcase_add_test(tc, direct_io_of_a_mapped_image_is_refused);
}

/*
 * Whether the file system of the images supports O_DIRECT; called before the
 * tests run.
 */
static bool direct_works(void)
{
	char name[] = "/var/tmp/virtdev-XXXXXX";
	int fd = mkstemp(name), again = open(name, O_RDWR | O_CLOEXEC | O_DIRECT);

	unlink(name);
	close(fd);
	if (again >= 0)
		close(again);
	return again >= 0;
}

int main(void)
{
	Suite *s = suite_create("direct");

	add_opening(s);
	if (direct_works()) {
		add_engine(s, "sync", use_sync);
		if (engine_works(VIRTDEV_DISK_ENGINE_IO_URING))
			add_engine(s, "io_uring", use_uring);
	} else {
		puts("# skipped: the file system of /var/tmp does not support O_DIRECT");
		fflush(stdout);
	}
	return run_suite(s);
}
