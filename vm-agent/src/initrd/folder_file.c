/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opens files of a folder without leaving it by symbolic links. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "initrd/folder_file.h"

#ifndef SYS_openat2
#define SYS_openat2 437	/* of all architectures */
#endif

#define NO_MAGICLINKS 0x02u	/* RESOLVE_* of Linux 5.6 */
#define BENEATH 0x08u

/* A rename in the folder at the same time makes the kernel's walk uncertain. */
#define MAX_TRIES 16

#define FILE_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK)

bool vagent_priv_folder_is_of_host(const char *folder)
{
	static const char *const places[] = { "/usr/lib/modules/", "/lib/modules/", "/nix/store/", "/gnu/store/" };
	char path[PATH_MAX];
	unsigned int i;

	if (!realpath(folder, path))
		return false;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strncmp(path, places[i], strlen(places[i])))
			return true;
	return false;
}

static int open_beneath(int folder, const char *path)
{
	const struct {
		uint64_t flags, mode, resolve;
	} how = { FILE_FLAGS, 0, BENEATH | NO_MAGICLINKS };
	unsigned int i;
	long fd = -EAGAIN;

	for (i = 0; fd == -EAGAIN && i < MAX_TRIES; i++) {
		fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));
		if (fd < 0)
			fd = -errno;
	}
	return (int)fd;
}

/* Opens one name of *at, which it closes. */
static int open_name(int at, const char *name, bool is_last)
{
	const int flags = is_last ? FILE_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC;
	int fd = openat(at, name, flags | O_NOFOLLOW);

	fd = fd < 0 ? -errno : fd;
	vsu_fd_close(&at);
	return fd;
}

/* Used on kernels without openat2(), and below filters that refuse it. The last name is the file. */
static int open_in_steps(int folder, const char *path)
{
	char names[PATH_MAX], *name = names, *slash;
	int fd = vsu_fd_dup(folder);

	if (fd >= 0 && strlen(path) >= sizeof(names)) {
		vsu_fd_close(&fd);
		return -ENAMETOOLONG;
	}
	strncpy(names, path, sizeof(names) - 1);
	names[sizeof(names) - 1] = '\0';
	while (fd >= 0 && (slash = strchr(name, '/'))) {
		*slash = '\0';
		fd = open_name(fd, name, false);
		name = slash + 1;
	}
	/* O_DIRECTORY reports a link as ENOTDIR */
	return fd < 0 ? (fd == -ENOTDIR ? -ELOOP : fd) : open_name(fd, name, true);
}

int vagent_priv_folder_file_open(int folder, const char *path)
{
	const int fd = open_beneath(folder, path);

	return fd == -ENOSYS || fd == -EPERM ? open_in_steps(folder, path) : fd;
}
