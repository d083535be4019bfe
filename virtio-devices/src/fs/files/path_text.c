/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The text of paths relative to the shared directory. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/files/files.h"

/* Reads /proc/self/fd/N; returns its length or a negative errno. */
static int read_link(const struct fs *fs, int fd, char text[PATH_MAX])
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	const ssize_t n = readlinkat(fs->proc, name.text, text, PATH_MAX);

	if (n < 0)
		return -errno;
	if (n == PATH_MAX)
		return -ENAMETOOLONG;
	text[n] = 0;
	return (int)n;
}

/* Copies the first name; returns the rest, or NULL if the name is invalid. */
const char *virtdev_priv_fs_path_next(const char *path, char name[FS_NAME_MAX + 1])
{
	const size_t len = strcspn(path, "/");

	if (!len || len > FS_NAME_MAX)
		return NULL;
	memcpy(name, path, len);
	name[len] = 0;
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return NULL;
	path += len;
	return !*path ? path : path[1] ? path + 1 : NULL;
}

bool virtdev_priv_fs_path_is_valid(const char *path)
{
	char name[FS_NAME_MAX + 1];

	while (path && *path)
		path = virtdev_priv_fs_path_next(path, name);
	return path != NULL;
}

int virtdev_priv_fs_path_text(const struct fs *fs, int fd, char path[PATH_MAX])
{
	char top[PATH_MAX];
	int above = read_link(fs, fs->folder, top);
	int len = above < 0 ? above : read_link(fs, fd, path);

	if (len < 0)
		return len;
	above = above == 1 ? 0 : above;
	if (len <= above + 1 || memcmp(path, top, (size_t)above) ||
	    path[above] != '/')
		return -ENOENT;
	len -= above + 1;
	memmove(path, path + above + 1, (size_t)len + 1);
	return virtdev_priv_fs_path_is_valid(path) ? len : -ENOENT;
}
