/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Open files: their content while names and sizes change. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int append_goes_to_the_end(void)
{
	int a, b;

	CLAIM((a = open("f", O_CREAT | O_WRONLY | O_APPEND, 0644)) >= 0);
	CLAIM((b = open("f", O_WRONLY | O_APPEND)) >= 0);
	CLAIM(write(a, "a", 1) == 1 && write(b, "b", 1) == 1);
	CLAIM(write(a, "c", 1) == 1 && lseek(b, 0, SEEK_SET) == 0);
	CLAIM(write(b, "d", 1) == 1 && file_holds("f", "abcd"));
	CLAIM(ftruncate(a, 1) == 0 && write(b, "e", 1) == 1);
	CLAIM(file_holds("f", "ae"));
	CLAIM(fcntl(a, F_SETFL, 0) == 0 && pwrite(a, "x", 1, 0) == 1);
	CLAIM(file_holds("f", "xe"));
	CLAIM(fcntl(a, F_SETFL, O_APPEND) == 0 && write(a, "y", 1) == 1);
	CLAIM(file_holds("f", "xey"));
	return VERDICT_OK;
}

static int truncate_on_open(void)
{
	int fd;

	CLAIM(file_make("f", "text") == 0);
	CLAIM((fd = open("f", O_WRONLY | O_TRUNC)) >= 0 && size_of("f") == 0);
	CLAIM(write(fd, "x", 1) == 1 && file_holds("f", "x"));
	CLAIM(open("f", O_CREAT | O_WRONLY | O_TRUNC, 0600) >= 0);
	CLAIM(size_of("f") == 0 && (mode_of("f") & 0777) == 0644);
	return VERDICT_OK;
}

static int direction_is_kept(void)
{
	char byte;
	int fd;

	CLAIM(file_make("f", "text") == 0);
	CLAIM((fd = open("f", O_RDONLY)) >= 0);
	REFUSED(write(fd, "x", 1), EBADF);
	REFUSED(ftruncate(fd, 0), EINVAL);
	CLAIM((fd = open("f", O_WRONLY)) >= 0);
	REFUSED(read(fd, &byte, 1), EBADF);
	CLAIM(file_holds("f", "text"));
	/* the creator may write although the mode forbids it */
	CLAIM((fd = open("g", O_CREAT | O_RDWR, 0)) >= 0);
	CLAIM(write(fd, "x", 1) == 1 && (mode_of("g") & 0777) == 0);
	return VERDICT_OK;
}

static int unlinked_file_lives_on(void)
{
	struct stat st;
	char said[8];
	int fd, again;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(write(fd, "text", 4) == 4 && unlink("f") == 0);
	CLAIM(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 4);
	CLAIM(pread(fd, said, 8, 0) == 4 && write(fd, "more", 4) == 4);
	CLAIM(ftruncate(fd, 6) == 0 && fchmod(fd, 0600) == 0);
	CLAIM(fstat(fd, &st) == 0 && st.st_size == 6);
	CLAIM((st.st_mode & 0777) == 0600 && !is_there("f"));
	/* a new file of the same name is another file */
	CLAIM((again = open("f", O_CREAT | O_EXCL | O_RDWR, 0644)) >= 0);
	CLAIM(write(again, "new", 3) == 3);
	CLAIM(pread(fd, said, 8, 0) == 6 && !memcmp(said, "textmo", 6));
	CLAIM(fsync(fd) == 0 && close(fd) == 0 && file_holds("f", "new"));
	return VERDICT_OK;
}

static int replaced_file_lives_on(void)
{
	char said[8];
	int fd;

	CLAIM(file_make("a", "old") == 0 && file_make("b", "new") == 0);
	CLAIM((fd = open("a", O_RDWR)) >= 0 && rename("b", "a") == 0);
	CLAIM(write(fd, "O", 1) == 1 && pread(fd, said, 8, 0) == 3);
	CLAIM(!memcmp(said, "Old", 3) && file_holds("a", "new"));
	return VERDICT_OK;
}

static int renamed_file_stays_open(void)
{
	int fd;

	CLAIM(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	CLAIM((fd = open("d/f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(rename("d/f", "e/g") == 0 && write(fd, "text", 4) == 4);
	CLAIM(rename("e", "d/e") == 0 && write(fd, "more", 4) == 4);
	CLAIM(close(fd) == 0 && file_holds("d/e/g", "textmore"));
	return VERDICT_OK;
}

/* Some kernels' FUSE does not support it. */
static int file_without_a_name(void)
{
	struct stat st;
	char path[64];
	int fd;

	fd = open(".", O_TMPFILE | O_RDWR, 0640);
	if (fd < 0 && errno == EOPNOTSUPP)
		return is_skipped("no O_TMPFILE");
	CLAIM(fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	CLAIM((st.st_mode & 0777) == 0640 && write(fd, "text", 4) == 4);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CLAIM(linkat(AT_FDCWD, path, AT_FDCWD, "f", AT_SYMLINK_FOLLOW) == 0);
	CLAIM(file_holds("f", "text") && links_of("f") == 1);
	CLAIM((fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0640)) >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CLAIM(linkat(AT_FDCWD, path, AT_FDCWD, "g", AT_SYMLINK_FOLLOW) < 0);
	return VERDICT_OK;
}

static int pieces_of_a_call(void)
{
	char a[3], b[5];
	char first[] = "abc", last[] = "defgh";
	struct iovec out[] = { { first, 3 }, { NULL, 0 }, { last, 5 } };
	struct iovec in[] = { { a, 3 }, { b, 5 } };
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(pwritev(fd, out, 3, 5) == 8 && size_of("f") == 13);
	CLAIM(preadv(fd, in, 2, 6) == 7);
	CLAIM(!memcmp(a, "bcd", 3) && !memcmp(b, "efgh", 4));
	CLAIM(pread(fd, a, 3, 13) == 0 && pread(fd, a, 3, 1000) == 0);
	REFUSED(pread(fd, a, 3, -1), EINVAL);
	CLAIM(write(fd, "", 0) == 0 && size_of("f") == 13);
	return VERDICT_OK;
}

/* Larger than any request, at odd offsets. */
static int large_and_odd_pieces(void)
{
	enum { SIZE = 3000001 };
	unsigned char *bytes = malloc(SIZE), *said = malloc(SIZE);
	uint32_t i, seed = 1;
	int fd;

	CLAIM(bytes && said);
	for (i = 0; i < SIZE; i++)
		bytes[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(pwrite(fd, bytes, SIZE, 4093) == SIZE);
	CLAIM(pread(fd, said, SIZE, 4093) == SIZE && !memcmp(bytes, said, SIZE));
	CLAIM(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	CLAIM(fsync(fd) == 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	CLAIM(pread(fd, said, SIZE, 4094) == SIZE - 1);
	CLAIM(!memcmp(bytes + 1, said, SIZE - 1));
	return VERDICT_OK;
}

static int cut_and_grown_reads_zeros(void)
{
	char bytes[5000], zero[5000] = { 0 };
	int fd;

	memset(bytes, 'x', sizeof(bytes));
	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(write(fd, bytes, 5000) == 5000 && ftruncate(fd, 10) == 0);
	CLAIM(truncate("f", 5000) == 0 && size_of("f") == 5000);
	CLAIM(pread(fd, bytes, 5000, 0) == 5000 && bytes[9] == 'x');
	CLAIM(!memcmp(bytes + 10, zero, 4990));
	CLAIM(ftruncate(fd, 0) == 0 && pread(fd, bytes, 1, 0) == 0);
	return VERDICT_OK;
}

static int limit_of_a_file(void)
{
	const struct rlimit limit = { 1000, 1000 };
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CLAIM(pwrite(fd, "text", 4, 998) == 2 && size_of("f") == 1000);
	REFUSED(pwrite(fd, "x", 1, 1000), EFBIG);
	REFUSED(ftruncate(fd, 1001), EFBIG);
	return VERDICT_OK;
}

static int locked_elsewhere(short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET,
			      .l_start = start, .l_len = len };
	const pid_t child = fork();
	int status, fd;

	if (!child) {
		fd = open("f", O_RDWR);
		_exit(fcntl(fd, F_SETLK, &lock) < 0 ? errno : 0);
	}
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static int locks_of_ranges(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 };
	int fd;

	CLAIM(file_make("f", "text") == 0 && (fd = open("f", O_RDWR)) >= 0);
	CLAIM(fcntl(fd, F_SETLK, &lock) == 0);
	CLAIM(locked_elsewhere(F_WRLCK, 0, 10) == 0);
	CLAIM(locked_elsewhere(F_RDLCK, 19, 1) == EAGAIN);
	CLAIM(locked_elsewhere(F_WRLCK, 20, 0) == 0);
	lock.l_type = F_RDLCK;
	CLAIM(fcntl(fd, F_SETLK, &lock) == 0);
	CLAIM(locked_elsewhere(F_RDLCK, 10, 1) == 0);
	CLAIM(locked_elsewhere(F_WRLCK, 10, 1) == EAGAIN);
	CLAIM(close(open("f", O_RDONLY)) == 0);
	CLAIM(locked_elsewhere(F_WRLCK, 10, 1) == 0);
	return VERDICT_OK;
}

static int locks_of_files(void)
{
	int a, b;

	CLAIM((a = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM((b = open("f", O_RDWR)) >= 0 && flock(a, LOCK_EX) == 0);
	REFUSED(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CLAIM(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
	REFUSED(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CLAIM(close(b) == 0 && flock(a, LOCK_EX | LOCK_NB) == 0);
	return VERDICT_OK;
}

static int everything_is_synced(void)
{
	int fd, folder;

	CLAIM((fd = open("f", O_CREAT | O_WRONLY | O_SYNC, 0644)) >= 0);
	CLAIM(write(fd, "text", 4) == 4 && fsync(fd) == 0 && fdatasync(fd) == 0);
	CLAIM((folder = open(".", O_RDONLY | O_DIRECTORY)) >= 0);
	CLAIM(fsync(folder) == 0 && fdatasync(folder) == 0 && syncfs(fd) == 0);
	CLAIM(sync_file_range(fd, 0, 4, SYNC_FILE_RANGE_WRITE) == 0);
	return VERDICT_OK;
}

static int direct_bytes(void)
{
	char *block;
	int fd;

	CLAIM(posix_memalign((void **)&block, 4096, 8192) == 0);
	memset(block, 'd', 8192);
	fd = open("f", O_CREAT | O_RDWR | O_DIRECT, 0644);
	if (fd < 0 && errno == EINVAL)
		return is_skipped("no O_DIRECT");
	CLAIM(fd >= 0 && pwrite(fd, block, 8192, 4096) == 8192);
	memset(block, 0, 8192);
	CLAIM(pread(fd, block, 8192, 8192) == 4096 && block[4095] == 'd');
	CLAIM(size_of("f") == 12288);
	return VERDICT_OK;
}

static int file_system_is_described(void)
{
	struct statvfs a, b;
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(statvfs(".", &a) == 0 && fstatvfs(fd, &b) == 0);
	CLAIM(a.f_namemax == 255 && a.f_bsize > 0 && a.f_blocks > 0);
	CLAIM(a.f_bavail <= a.f_bfree && a.f_bfree <= a.f_blocks);
	CLAIM(b.f_blocks == a.f_blocks && b.f_namemax == 255);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "O_APPEND", append_goes_to_the_end },
	{ "O_TRUNC", truncate_on_open },
	{ "access mode of a descriptor", direction_is_kept },
	{ "an unlinked file exists until it is closed", unlinked_file_lives_on },
	{ "a replaced file exists until it is closed", replaced_file_lives_on },
	{ "an open file is renamed, and its folder", renamed_file_stays_open },
	{ "O_TMPFILE", file_without_a_name },
	{ "preadv and pwritev", pieces_of_a_call },
	{ "three million bytes at odd offsets", large_and_odd_pieces },
	{ "truncated and extended, it reads zeros", cut_and_grown_reads_zeros },
	{ "RLIMIT_FSIZE", limit_of_a_file },
	{ "locks of ranges", locks_of_ranges },
	{ "flock", locks_of_files },
	{ "fsync, fdatasync, syncfs", everything_is_synced },
	{ "O_DIRECT", direct_bytes },
	{ "statvfs", file_system_is_described },
};

const struct suite suite_files = { "files", checks, COUNT(checks) };
