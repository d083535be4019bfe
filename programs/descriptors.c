/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Descriptors of programs that are executed. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptors.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1u << 2)
#endif

int prog_descriptors_each(void (*fn)(const void *opaque, int fd), const void *opaque)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	int fd;

	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		fd = atoi(entry->d_name);
		if (fd > STDERR_FILENO && fd != dirfd(folder))
			fn(opaque, fd);
	}
	closedir(folder);
	return 0;
}

static void mark_cloexec(const void *opaque, int fd)
{
	(void)opaque;
	(void)!fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int prog_descriptors_pass(const int *fds, unsigned int n)
{
	unsigned int i;
	int rc = 0;

	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		rc = prog_descriptors_each(mark_cloexec, NULL);	/* before Linux 5.11 */
	for (i = 0; i < n; i++)
		if (fds[i] > STDERR_FILENO)
			(void)!fcntl(fds[i], F_SETFD, 0);
	return rc;
}

static bool is_folder(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISDIR(st.st_mode);
}

static void close_received_folder(const void *opaque, int fd)
{
	(void)opaque;
	if (fcntl(fd, F_GETFD) == 0 && is_folder(fd))
		close(fd);
}

int prog_descriptors_close_folders(void)
{
	int fd, null;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		null = is_folder(fd) ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
		if (null < 0 || dup2(null, fd) < 0)
			continue;
		close(null);
	}
	return prog_descriptors_each(close_received_folder, NULL);
}
