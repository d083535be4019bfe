/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* File descriptors: types, duplicates, and complete transfers. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

void vsu_fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);	/* not repeated after EINTR: Linux has freed the descriptor */
	*fd = -1;
	errno = saved;
}

static bool close_range_of(int first, unsigned int n)
{
#ifdef SYS_close_range
	return syscall(SYS_close_range, (unsigned int)first,
		       (unsigned int)first + n - 1, 0u) == 0;
#else
	(void)first;
	(void)n;
	return false;
#endif
}

void vsu_fd_close_run(int first, unsigned int n)
{
	int saved = errno, fd;

	if (n > 1 && close_range_of(first, n))
		n = 0;
	for (; n; n--) {
		fd = first++;
		vsu_fd_close(&fd);
	}
	errno = saved;
}

int vsu_fd_dup(int fd)
{
	/* A duplicate must not become a standard stream, if one is closed. */
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

static int add_flag(int fd, int get, int set, int flag)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -errno;
	if (!(flags & flag) && fcntl(fd, set, flags | flag) < 0)
		return -errno;
	return 0;
}

int vsu_fd_set_nonblock(int fd)
{
	return add_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK);
}

int vsu_fd_set_cloexec(int fd)
{
	return add_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC);
}

static int kind_of_mode(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return VSU_FD_REGULAR;
	case S_IFDIR:
		return VSU_FD_DIRECTORY;
	case S_IFBLK:
		return VSU_FD_BLOCK;
	case S_IFCHR:
		return VSU_FD_CHAR;
	case S_IFIFO:
		return VSU_FD_FIFO;
	case S_IFSOCK:
		return VSU_FD_SOCKET;
	case S_IFLNK:
		return VSU_FD_SYMLINK;
	default:
		return VSU_FD_OTHER;
	}
}

int vsu_fd_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return kind_of_mode(st.st_mode);
}

const char *vsu_fd_kind_name(int kind)
{
	static const char *const names[] = {
		[VSU_FD_REGULAR] = "a regular file",
		[VSU_FD_DIRECTORY] = "a directory",
		[VSU_FD_BLOCK] = "a block device",
		[VSU_FD_CHAR] = "a character device",
		[VSU_FD_FIFO] = "a FIFO",
		[VSU_FD_SOCKET] = "a socket",
		[VSU_FD_SYMLINK] = "a symbolic link",
		[VSU_FD_OTHER] = "not a file",
	};

	if (kind < 0 || kind > VSU_FD_OTHER)
		return "unknown";
	return names[kind];
}

int vsu_fd_size(int fd, uint64_t *size)
{
	struct stat st;
	uint64_t bytes = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	switch (kind_of_mode(st.st_mode)) {
	case VSU_FD_REGULAR:
		bytes = (uint64_t)st.st_size;
		break;
	case VSU_FD_BLOCK:
		if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
			return -errno;
		break;
	case VSU_FD_CHAR:
		break;
	default:
		return -EINVAL;
	}
	*size = bytes;
	return 0;
}

/* One system call; functions for the current position ignore pos. */
typedef ssize_t (*transfer_fn)(int fd, void *buf, size_t len, off_t pos);

static ssize_t read_here(int fd, void *buf, size_t len, off_t pos)
{
	(void)pos;
	return read(fd, buf, len);
}

static ssize_t write_here(int fd, void *buf, size_t len, off_t pos)
{
	(void)pos;
	return write(fd, buf, len);
}

static ssize_t transfer_full(transfer_fn fn, int fd, void *buf, size_t len,
			     uint64_t pos)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = fn(fd, (char *)buf + done, len - done,
		       (off_t)(pos + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t vsu_fd_read_full(int fd, void *buf, size_t len)
{
	return transfer_full(read_here, fd, buf, len, 0);
}

ssize_t vsu_fd_write_full(int fd, const void *buf, size_t len)
{
	return transfer_full(write_here, fd, (void *)(uintptr_t)buf, len, 0);
}

ssize_t vsu_fd_pread_full(int fd, void *buf, size_t len, uint64_t pos)
{
	if (pos > INT64_MAX)
		return -EINVAL;
	return transfer_full(pread, fd, buf, len, pos);
}

/* Discards the signal that the write raised. */
static void consume_signal(const sigset_t *set)
{
	static const struct timespec now = { 0, 0 };

	while (sigtimedwait(set, NULL, &now) < 0 && errno == EINTR)
		;
}

ssize_t vsu_fd_write_quietly(int fd, const void *buf, size_t len)
{
	sigset_t pipe, former, pending;
	ssize_t n;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &former);
	if (sigpending(&pending) < 0)
		sigemptyset(&pending);	/* a system call filter denies it */
	n = write(fd, buf, len);
	if (n < 0)
		n = -errno;
	if (n == -EPIPE && !sigismember(&pending, SIGPIPE))
		consume_signal(&pipe);
	pthread_sigmask(SIG_SETMASK, &former, NULL);
	return n;
}

/* Before Linux 6.2 the size of the folder is 0. */
static int count_entries(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = -1;		/* excludes the directory's own descriptor */

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			count++;
	closedir(dir);
	return count;
}

int vsu_fd_count(void)
{
	struct stat st;

	if (!stat("/proc/self/fd", &st) && st.st_size > 0 && st.st_size <= INT_MAX)
		return (int)st.st_size;
	return count_entries();
}
