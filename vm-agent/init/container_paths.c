/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Makes files and folders in the root of a container, which is that of the process. Other containers can change a volume
 * meanwhile: each folder is resolved once, and what is in it is made by its descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/guest.h"

#ifndef SYS_openat2
#define SYS_openat2 437	/* of all architectures */
#endif

/*
 * A link to a descriptor of this process in /proc would lead out of the root, and is refused, except by Linux before 5.6.
 */
static int resolve_path(int folder, const char *path, int flags, mode_t mode)
{
	const struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .mode = mode, .resolve = RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		fd = openat(folder, path, flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int vagent_priv_child_open_place(const char *path)
{
	return resolve_path(AT_FDCWD, path, O_PATH, 0);
}

/* Closes the folder. */
static int step_into(int folder, const char *name)
{
	int next = resolve_path(folder, name, O_PATH | O_DIRECTORY, 0);

	if (next == -ENOENT)
		next = mkdirat(folder, name, 0755) < 0 && errno != EEXIST ? -errno : resolve_path(folder, name, O_PATH | O_DIRECTORY, 0);
	close(folder);
	return next;
}

int vagent_priv_child_make_above(const char *path, char name[NAME_MAX + 1])
{
	int folder = resolve_path(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	size_t len;

	*name = '\0';
	for (path += strspn(path, "/"); folder >= 0 && *path; path += strspn(path, "/")) {
		if (*name)
			folder = step_into(folder, name);
		len = strcspn(path, "/");
		memcpy(name, path, len > NAME_MAX ? NAME_MAX : len);
		name[len > NAME_MAX ? NAME_MAX : len] = '\0';
		if (folder >= 0 && len > NAME_MAX) {
			close(folder);
			folder = -ENAMETOOLONG;
		}
		path += len;
	}
	return folder;
}

int vagent_priv_child_make_folders(const char *path)
{
	char name[NAME_MAX + 1];
	int folder = vagent_priv_child_make_above(path, name);

	if (folder >= 0 && *name)
		folder = step_into(folder, name);
	if (folder < 0)
		return folder;
	close(folder);
	return 0;
}

static int make_file(const char *path)
{
	char name[NAME_MAX + 1];
	const int above = vagent_priv_child_make_above(path, name);
	/* not one that another container has put there, which could keep this process waiting */
	const int fd = above < 0 ? above : resolve_path(above, name, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY, 0644);

	if (above >= 0)
		close(above);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int vagent_priv_child_make_target(const char *path, bool is_folder)
{
	const int fd = vagent_priv_child_open_place(path);
	int rc;

	if (fd != -ENOENT)
		return fd;
	rc = is_folder ? vagent_priv_child_make_folders(path) : make_file(path);
	return rc < 0 ? rc : vagent_priv_child_open_place(path);
}
