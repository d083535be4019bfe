/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about writes of the mmap engine: which are copies, and what can go wrong. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../guest.h"
#include "../image.h"
#include "../suite.h"
#include "disk/pages.h"

#define PAGE 4096u
#define SIZE (1u << 20)

static struct test_disk disk;
static unsigned char buf[16 * PAGE], other[16 * PAGE];

static void setup(void)
{
	folder_init("/dev/shm");
	image_make("image", SIZE);
	test_disk_init(&disk, "image", VIRTDEV_DISK_ENGINE_MMAP, 16);
	memset(buf, 0x5a, sizeof(buf));
}

static void teardown(void)
{
	test_disk_fini(&disk);
	folder_fini();
}

static int write_at(uint64_t pos, uint64_t len)
{
	return test_disk_do(&disk, VIRTDEV_DISK_WRITE, pos, buf, len);
}

/*
 * Writes while a limit prevents all write system calls to a file: 0 if the write is a copy,
 * else -EFBIG.
 */
static int copy_at(uint64_t pos, uint64_t len)
{
	struct rlimit before, none;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_FSIZE, &none);
	rc = write_at(pos, len);
	setrlimit(RLIMIT_FSIZE, &before);
	return rc;
}

/* Reads the bytes of the image without the disk. */
static void ck_image(const char *name, uint64_t at, int byte, size_t len)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	memset(buf, byte, len);
	ck_assert_int_eq(pread(fd, other, len, (off_t)at), (ssize_t)len);
	ck_assert_mem_eq(other, buf, len);
	close(fd);
}

/* As another process would. */
static void punch(const char *name, uint64_t at, uint64_t len)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)at, (off_t)len), 0);
	close(fd);
}

START_TEST(second_write_of_a_page_is_a_copy)
{
	ck_assert_int_eq(write_at(PAGE, 2 * PAGE), 0);
	memset(buf, 0x33, sizeof(buf));
	ck_assert_int_eq(copy_at(PAGE + 512, 2 * PAGE - 1024), 0);
	ck_image("image", PAGE, 0x5a, 512);
	ck_image("image", PAGE + 512, 0x33, 2 * PAGE - 1024);
	ck_image("image", 3 * PAGE - 512, 0x5a, 512);
}
END_TEST

START_TEST(write_beyond_the_written_pages_is_a_system_call)
{
	ck_assert_int_eq(write_at(PAGE, 2 * PAGE), 0);
	ck_assert_int_eq(copy_at(0, 512), -EFBIG);
	ck_assert_int_eq(copy_at(2 * PAGE, 2 * PAGE), -EFBIG);
	ck_assert_int_eq(copy_at(3 * PAGE, 512), -EFBIG);
}
END_TEST

START_TEST(buffers_are_copied_in_order)
{
	struct iovec iov[] = { { buf + 512, 512 }, { buf, 512 },
			       { buf + 1024, 1024 } };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = iov, .niov = 3,
		.offset = PAGE, .len = 2048, .result = 1,
	};

	ck_assert_int_eq(write_at(PAGE, PAGE), 0);
	memset(buf, 1, 512);
	memset(buf + 512, 2, 512);
	memset(buf + 1024, 3, 1024);
	test_disk_submit(&disk, &r);
	ck_assert_ptr_eq(test_disk_wait(&disk), &r);
	ck_assert_int_eq(r.result, 0);
	ck_image("image", PAGE, 2, 512);
	ck_image("image", PAGE + 512, 1, 512);
	ck_image("image", PAGE + 1024, 3, 1024);
	ck_image("image", PAGE + 2048, 0x5a, 2048);
}
END_TEST

START_TEST(freed_pages_are_written_by_system_call)
{
	const uint32_t op = _i ? VIRTDEV_DISK_ZERO : VIRTDEV_DISK_DISCARD;

	ck_assert_int_eq(write_at(0, 8 * PAGE), 0);
	ck_assert_int_eq(test_disk_range(&disk, op, 2 * PAGE, 2 * PAGE, true),
			 0);
	ck_assert_int_eq(copy_at(PAGE, 2 * PAGE), -EFBIG);
	ck_assert_int_eq(copy_at(3 * PAGE, PAGE), -EFBIG);
	ck_assert_int_eq(copy_at(0, 2 * PAGE), 0);
	ck_assert_int_eq(copy_at(4 * PAGE, 4 * PAGE), 0);
	ck_assert_int_eq(write_at(2 * PAGE, 2 * PAGE), 0);
	ck_assert_int_eq(copy_at(0, 8 * PAGE), 0);
}
END_TEST

START_TEST(written_zeros_make_pages_known)
{
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_ZERO, 0, PAGE,
					 false), 0);
	ck_assert_int_eq(copy_at(0, PAGE), 0);
}
END_TEST

START_TEST(added_pages_are_copied_after_their_first_write)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(virtdev_priv_disk_resize(disk.disk, 2 * SIZE, &err), 0);
	ck_assert_int_eq(write_at(SIZE - PAGE, 2 * PAGE), 0);
	ck_assert_int_eq(copy_at(SIZE - PAGE, PAGE), 0);
	ck_assert_int_eq(copy_at(SIZE, PAGE), 0);
	/* not within one mapping */
	ck_assert_int_eq(copy_at(SIZE - PAGE, 2 * PAGE), -EFBIG);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_DISCARD,
					 SIZE - PAGE, 2 * PAGE, false), 0);
	ck_assert_int_eq(copy_at(SIZE - PAGE, PAGE), -EFBIG);
	ck_assert_int_eq(copy_at(SIZE, PAGE), -EFBIG);
}
END_TEST

/* A system call makes the file longer, as with other engines. */
START_TEST(write_to_a_truncated_file_is_in_the_file)
{
	ck_assert_int_eq(write_at(0, 8 * PAGE), 0);
	ck_assert_int_eq(truncate("image", PAGE), 0);
	memset(buf, 0x33, sizeof(buf));
	ck_assert_int_eq(write_at(4 * PAGE, PAGE), 0);
	ck_image("image", 4 * PAGE, 0x33, PAGE);
	ck_image("image", 0, 0x5a, PAGE);
	/* the mapping has failed */
	ck_assert_int_eq(copy_at(0, 512), -EFBIG);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 16 * PAGE, buf,
				      512), -EIO);
}
END_TEST

START_TEST(a_sealed_image_is_read_and_not_written)
{
	struct test_disk sealed;
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(pwrite(fd, buf, PAGE, 0), PAGE);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	test_disk_init(&sealed, path, VIRTDEV_DISK_ENGINE_MMAP, 4);
	ck_assert_int_eq(test_disk_do(&sealed, VIRTDEV_DISK_READ, 0, other,
				      PAGE), 0);
	ck_assert_mem_eq(other, buf, PAGE);
	ck_assert_int_eq(test_disk_do(&sealed, VIRTDEV_DISK_WRITE, 0, other,
				      PAGE), -EPERM);
	test_disk_fini(&sealed);
	close(fd);
}
END_TEST

/* Another process frees pages, and a second file takes their space. */
START_TEST(e1_27_without_space_for_a_hole_only_the_write_fails)
{
	int fd;

	test_disk_fini(&disk);
	mount_here("tmpfs", "size=64k");
	image_make("fs/image", SIZE);
	test_disk_init(&disk, "fs/image", VIRTDEV_DISK_ENGINE_MMAP, 16);
	ck_assert_int_eq(write_at(0, 8 * PAGE), 0);
	punch("fs/image", PAGE, PAGE);
	fd = open("fs/ballast", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	while (write(fd, other, 512) == 512)
		;
	ck_assert_int_eq(write_at(0, 8 * PAGE), -ENOSPC);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	close(fd);
	memset(buf, 0x33, sizeof(buf));
	ck_assert_int_eq(write_at(0, 8 * PAGE), 0);
	ck_image("fs/image", 0, 0x33, 8 * PAGE);
	/* with an open file it could not be removed */
	test_disk_fini(&disk);
	ck_assert_int_eq(umount("fs"), 0);
	test_disk_init(&disk, "image", VIRTDEV_DISK_ENGINE_MMAP, 16);
}
END_TEST

START_TEST(ranges_of_pages_are_known_bit_by_bit)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t first = (uint64_t)_i, n = 200;
	struct virtdev_priv_pages pages;
	uint64_t i;

	virtdev_priv_pages_init(&pages, 400 * page);
	virtdev_priv_pages_set(&pages, first * page + 1, (n - 1) * page, true);
	for (i = 0; i < 400; i++)
		ck_assert_int_eq(virtdev_priv_pages_known(&pages, i * page, 1),
				 i >= first && i < first + n);
	ck_assert(virtdev_priv_pages_known(&pages, first * page, n * page));
	ck_assert(!virtdev_priv_pages_known(&pages, first * page, n * page + 1));
	virtdev_priv_pages_set(&pages, first * page, 0, false);
	virtdev_priv_pages_set(&pages, (first + 64) * page, 64 * page, false);
	ck_assert(virtdev_priv_pages_known(&pages, first * page, 64 * page));
	ck_assert(!virtdev_priv_pages_known(&pages, (first + 127) * page, page));
	ck_assert(virtdev_priv_pages_known(&pages, (first + 128) * page, page));
	virtdev_priv_pages_fini(&pages);
}
END_TEST

static Suite *mmap_suite(void)
{
	Suite *s = suite_create("mmap");
	TCase *tc = tcase_create("writes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, second_write_of_a_page_is_a_copy);
	tcase_add_test(tc, write_beyond_the_written_pages_is_a_system_call);
	tcase_add_test(tc, buffers_are_copied_in_order);
	tcase_add_loop_test(tc, freed_pages_are_written_by_system_call, 0, 2);
	tcase_add_test(tc, written_zeros_make_pages_known);
	tcase_add_test(tc, added_pages_are_copied_after_their_first_write);
	if (!under_valgrind())
		tcase_add_test(tc, write_to_a_truncated_file_is_in_the_file);
	tcase_add_test(tc, a_sealed_image_is_read_and_not_written);
	if (!under_valgrind() && may_mount())
		tcase_add_test(tc, e1_27_without_space_for_a_hole_only_the_write_fails);
	tcase_add_loop_test(tc, ranges_of_pages_are_known_bit_by_bit, 0, 130);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	if (!engine_works(VIRTDEV_DISK_ENGINE_MMAP)) {
		puts("1..0 # SKIP the mmap engine requires a tmpfs");
		return 0;
	}
	if (!may_mount())
		puts("# skipped: file systems that require root to mount");
	fflush(stdout);
	return run_suite(mmap_suite());
}
