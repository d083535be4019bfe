/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Private files (hide_private): files that others may not use by their mode, and everything
 * in a folder that others may not enter. If a file has an access control list, the mode
 * contains its entry for others.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/files/files.h"

bool virtdev_priv_fs_is_for_owner(const struct statx *st)
{
	switch (st->stx_mode & S_IFMT) {
	case S_IFDIR:
		return !(st->stx_mode & S_IXOTH);
	case S_IFREG:
		return !(st->stx_mode & (S_IROTH | S_IXOTH));
	case S_IFLNK:
		return false;
	default:
		return !(st->stx_mode & (S_IROTH | S_IWOTH));
	}
}

bool virtdev_priv_fs_is_in_private(const struct fs *fs, int folder)
{
	struct statx st;

	return fs->config.hide_private &&
	       (virtdev_priv_fs_stat(folder, "", &st) < 0 || virtdev_priv_fs_is_for_owner(&st));
}

/* The part of path behind the folder, or NULL. */
static const char *path_below(const char *folder, const char *path)
{
	const size_t len = strlen(folder);

	if (!len)
		return path;
	return strncmp(folder, path, len) || path[len] != '/' ? NULL : path + len + 1;
}

/* True if the path is that of a name that an exception shows, below it, or on its path. */
static bool is_shown_by(const struct fs_hidden *h, const char *path)
{
	const size_t len = strlen(path);
	const char *rest = path_below(h->folder, path);
	char name[FS_NAME_MAX + 1];
	size_t n;

	if (!h->shown || h->names_only)
		return false;
	if (!strncmp(h->folder, path, len) && (!h->folder[len] || h->folder[len] == '/'))
		return true;
	n = rest ? strcspn(rest, "/") : 0;
	if (!n || n > FS_NAME_MAX)
		return false;
	memcpy(name, rest, n);
	name[n] = 0;
	return !fnmatch(h->pattern, name, 0);
}

bool virtdev_priv_fs_is_private(const struct fs *fs, int fd, const struct statx *st, bool in_private)
{
	const bool is_own = virtdev_priv_fs_is_for_owner(st);
	char path[PATH_MAX];
	uint32_t i;

	if (!fs->config.hide_private || (!is_own && !in_private))
		return false;
	if (virtdev_priv_fs_path_text(fs, fd, path) < 0)
		return true;
	/* the shared folder itself is visible with any mode */
	if (!is_own && !strchr(path, '/'))
		return false;
	for (i = 0; i < fs->hidden.n; i++)
		if (is_shown_by(&fs->hidden.rules[i], path))
			return false;
	return true;
}
