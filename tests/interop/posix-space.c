/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Space of files: holes, fallocate, copies by the kernel. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define MANY ((off_t)64 * 1024)

/* A new file of 64 KiB of "x". */
static int filled_open(const char *name)
{
	const int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
	char page[PAGE];
	off_t at;

	memset(page, 'x', sizeof(page));
	for (at = 0; at < MANY; at += PAGE)
		if (pwrite(fd, page, PAGE, at) != PAGE)
			return -1;
	return fd;
}

static bool range_is(int fd, off_t at, off_t len, char byte)
{
	char said;

	for (; len > 0; at += 509, len -= 509)
		if (pread(fd, &said, 1, at) != 1 || said != byte)
			return false;
	return true;
}

static int hole_reads_zeros(void)
{
	struct stat st;
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(pwrite(fd, "x", 1, (off_t)1 << 30) == 1 && fstat(fd, &st) == 0);
	CLAIM(st.st_size == ((off_t)1 << 30) + 1 && st.st_blocks < 2048);
	CLAIM(range_is(fd, 0, MANY, 0));
	CLAIM(range_is(fd, ((off_t)1 << 30) - PAGE, PAGE, 0));
	CLAIM(ftruncate(fd, (off_t)1 << 40) == 0);
	CLAIM(size_of("f") == (off_t)1 << 40 && range_is(fd, (off_t)1 << 39, 1, 0));
	return VERDICT_OK;
}

static int holes_are_found(void)
{
	off_t hole;
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(ftruncate(fd, 4 * MANY) == 0);
	CLAIM(pwrite(fd, "x", 1, 2 * MANY) == 1 && fsync(fd) == 0);
	hole = lseek(fd, 2 * MANY, SEEK_HOLE);
	CLAIM(hole > 2 * MANY && hole <= 4 * MANY);
	CLAIM(lseek(fd, 2 * MANY, SEEK_DATA) == 2 * MANY);
	CLAIM(lseek(fd, 0, SEEK_DATA) == 2 * MANY || hole == 4 * MANY);
	REFUSED(lseek(fd, 4 * MANY, SEEK_DATA), ENXIO);
	REFUSED(lseek(fd, 4 * MANY + 1, SEEK_HOLE), ENXIO);
	REFUSED(lseek(fd, -1, SEEK_SET), EINVAL);
	return VERDICT_OK;
}

static int fallocate_grows(void)
{
	struct stat st;
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(fallocate(fd, 0, 0, MANY) == 0 && fstat(fd, &st) == 0);
	CLAIM(st.st_size == MANY && st.st_blocks >= MANY / 512);
	CLAIM(fallocate(fd, FALLOC_FL_KEEP_SIZE, MANY, MANY) == 0);
	CLAIM(fstat(fd, &st) == 0 && st.st_size == MANY);
	CLAIM(st.st_blocks >= 2 * MANY / 512 && range_is(fd, 0, MANY, 0));
	REFUSED(fallocate(fd, 0, 0, 0), EINVAL);
	REFUSED(fallocate(fd, 0, -1, 1), EINVAL);
	REFUSED(fallocate(fd, 1 << 20, 0, 1), EOPNOTSUPP);
	CLAIM((fd = open("f", O_RDONLY)) >= 0);
	REFUSED(fallocate(fd, 0, 0, MANY), EBADF);
	return VERDICT_OK;
}

static int hole_is_punched(void)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd;

	CLAIM((fd = filled_open("f")) >= 0);
	CLAIM(fallocate(fd, mode, PAGE + 100, 4 * PAGE) == 0);
	CLAIM(range_is(fd, 0, PAGE + 100, 'x'));
	CLAIM(range_is(fd, PAGE + 100, 4 * PAGE, 0));
	CLAIM(range_is(fd, 5 * PAGE + 100, MANY - 5 * PAGE - 100, 'x'));
	CLAIM(size_of("f") == MANY);
	CLAIM(fallocate(fd, mode, MANY - PAGE, MANY) == 0 && size_of("f") == MANY);
	REFUSED(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	return VERDICT_OK;
}

static int range_is_zeroed(void)
{
	int fd;

	CLAIM((fd = filled_open("f")) >= 0);
	if (fallocate(fd, FALLOC_FL_ZERO_RANGE, 100, 2 * PAGE) < 0)
		return errno == EOPNOTSUPP ? is_skipped("no FALLOC_FL_ZERO_RANGE") :
					     is_wrong(__LINE__, "zero range");
	CLAIM(range_is(fd, 0, 100, 'x') && range_is(fd, 100, 2 * PAGE, 0));
	CLAIM(range_is(fd, 2 * PAGE + 100, PAGE, 'x') && size_of("f") == MANY);
	return VERDICT_OK;
}

/*
 * FUSE supports neither; others may. A rejected call leaves the file unchanged.
 */
static int ranges_come_and_go(void)
{
	int fd;

	CLAIM((fd = filled_open("f")) >= 0);
	if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, PAGE, PAGE) < 0) {
		CLAIM(size_of("f") == MANY && range_is(fd, 0, MANY, 'x'));
		return is_skipped("no FALLOC_FL_COLLAPSE_RANGE");
	}
	CLAIM(size_of("f") == MANY - PAGE);
	CLAIM(fallocate(fd, FALLOC_FL_INSERT_RANGE, PAGE, PAGE) == 0);
	CLAIM(size_of("f") == MANY && range_is(fd, PAGE, PAGE, 0));
	return VERDICT_OK;
}

static int kernel_copies(void)
{
	off_t from = 1000, to = 2000;
	int a, b;

	CLAIM((a = filled_open("a")) >= 0);
	CLAIM((b = open("b", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(pwrite(a, "first", 5, 1000) == 5);
	CLAIM(copy_file_range(a, &from, b, &to, 5000, 0) == 5000);
	CLAIM(from == 6000 && to == 7000 && size_of("b") == 7000);
	CLAIM(range_is(b, 0, 2000, 0) && range_is(b, 2005, 4995, 'x'));
	CLAIM(range_is(b, 2000, 1, 'f'));
	from = MANY;
	CLAIM(copy_file_range(a, &from, b, &to, 10, 0) == 0);
	from = 0, to = 100;
	REFUSED(copy_file_range(a, &from, a, &to, 200, 0), EINVAL);
	REFUSED(copy_file_range(a, &from, b, &to, 10, 1), EINVAL);
	return VERDICT_OK;
}

static int kernel_sends(void)
{
	off_t from = 10;
	int a, b;

	CLAIM((a = filled_open("a")) >= 0);
	CLAIM((b = open("b", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(sendfile(b, a, &from, PAGE) == PAGE && from == PAGE + 10);
	CLAIM(size_of("b") == PAGE && range_is(b, 0, PAGE, 'x'));
	return VERDICT_OK;
}

static int blocks_are_counted(void)
{
	struct stat st;
	int fd;

	CLAIM((fd = filled_open("f")) >= 0 && fsync(fd) == 0);
	CLAIM(fstat(fd, &st) == 0 && st.st_blocks >= MANY / 512);
	CLAIM(st.st_blksize > 0 && ftruncate(fd, 0) == 0);
	CLAIM(fsync(fd) == 0 && fstat(fd, &st) == 0 && st.st_blocks == 0);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "a hole reads zeros", hole_reads_zeros },
	{ "SEEK_HOLE and SEEK_DATA", holes_are_found },
	{ "fallocate", fallocate_grows },
	{ "FALLOC_FL_PUNCH_HOLE", hole_is_punched },
	{ "FALLOC_FL_ZERO_RANGE", range_is_zeroed },
	{ "FALLOC_FL_COLLAPSE_RANGE and back", ranges_come_and_go },
	{ "copy_file_range", kernel_copies },
	{ "sendfile", kernel_sends },
	{ "blocks", blocks_are_counted },
};

const struct suite suite_space = { "space", checks, COUNT(checks) };
