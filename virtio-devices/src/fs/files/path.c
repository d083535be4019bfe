/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Paths relative to the shared directory, for migration and recovery. Paths are
 * untrusted input: each name is opened below the previous one, without following
 * symbolic links, and never "..".
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

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
static const char *next_name(const char *path, char name[FS_NAME_MAX + 1])
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
		path = next_name(path, name);
	return path != NULL;
}

bool virtdev_priv_fs_is_hidden(const struct fs *fs, uint64_t dev, uint64_t ino, const char *name)
{
	const struct fs_hidden *h = fs->hidden.rules;
	bool hidden = false;
	uint32_t i;

	for (i = 0; i < fs->hidden.n; i++, h++) {
		if (h->ino != ino || h->dev != dev || fnmatch(h->pattern, name, 0) != 0)
			continue;
		if (h->shown)
			return false;
		hidden = true;
	}
	return hidden;
}

/* -ENOENT: a hidden name of an open folder. */
static int check_hidden_at(const struct fs *fs, int folder, const char *name)
{
	struct statx st;
	int rc = fs->hidden.n ? virtdev_priv_fs_stat(folder, "", &st) : 0;

	if (rc < 0 || !fs->hidden.n)
		return rc;
	return virtdev_priv_fs_is_hidden(fs, virtdev_priv_fs_dev_of(&st), st.stx_ino, name) ? -ENOENT : 0;
}

/* Hidden names do not exist, also in a path of a saved state. */
static int open_name(const struct fs *fs, int dir, const char *name)
{
	int rc = check_hidden_at(fs, dir, name), fd;

	if (rc < 0)
		return rc;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int virtdev_priv_fs_path_open(const struct fs *fs, int parent, const char *path)
{
	char name[FS_NAME_MAX + 1];
	int dir = vsu_fd_dup(parent), fd;

	while (dir >= 0 && *path) {
		path = next_name(path, name);
		fd = path ? open_name(fs, dir, name) : -EINVAL;
		vsu_fd_close(&dir);
		dir = fd;
	}
	return dir;
}

/* The file may have been removed, and another file may have its path. */
static int check_same(const struct fs *fs, int fd, const char *path)
{
	struct statx there, here;
	int other = virtdev_priv_fs_path_open(fs, fs->folder, path), rc;

	if (other < 0)
		return other;
	rc = virtdev_priv_fs_stat(other, "", &there);
	if (rc >= 0)
		rc = virtdev_priv_fs_stat(fd, "", &here);
	vsu_fd_close(&other);
	if (rc < 0)
		return rc;
	return there.stx_ino == here.stx_ino &&
	       there.stx_mnt_id == here.stx_mnt_id &&
	       there.stx_dev_major == here.stx_dev_major &&
	       there.stx_dev_minor == here.stx_dev_minor ? 0 : -ENOENT;
}

int virtdev_priv_fs_path_read(const struct fs *fs, int fd, char path[PATH_MAX])
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
	if (!virtdev_priv_fs_path_is_valid(path))
		return -ENOENT;
	above = check_same(fs, fd, path);
	return above < 0 ? above : len;
}
