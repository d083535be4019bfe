/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Paths relative to the shared directory, for migration and recovery. Paths are
 * untrusted input: each name is opened below the previous one, without following
 * symbolic links, and never "..".
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <vmm-sys-util/fd.h>

#include "fs/files/files.h"

/* Hidden names do not exist, also in a path of a saved state. */
static int open_name(const struct fs *fs, int dir, const char *name)
{
	struct fs_place in;
	struct statx st;
	uint32_t rules;
	int rc = virtdev_priv_fs_stat_mount(fs, dir, "", &st), fd;

	if (rc < 0)
		return rc;
	in = (struct fs_place){ dir, virtdev_priv_fs_dev_of(&st), st.stx_ino, st.stx_mnt_id, 0, false };
	in.spells = fs->hidden.n && virtdev_priv_fs_spelling_of(fs, dir, in.dev) == FS_SPELLING_ANY;
	rc = virtdev_priv_fs_judge_name(fs, &in, name, FS_NAME_FINDS);
	if (rc > 0)
		rc = virtdev_priv_fs_judge_doubtful(fs, &in, name, FS_NAME_FINDS);
	if (rc < 0)
		return rc;
	fd = virtdev_priv_fs_open_name(fs, dir, in.dev, name);
	rc = fd < 0 ? fd : virtdev_priv_fs_stat_mount(fs, fd, "", &st);
	if (rc >= 0)
		rc = virtdev_priv_fs_hidden_found(fs, &in, name, fd, &st, &rules);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

int virtdev_priv_fs_path_open(const struct fs *fs, int parent, const char *path)
{
	char name[FS_NAME_MAX + 1];
	int dir = vsu_fd_dup(parent), fd;

	while (dir >= 0 && *path) {
		path = virtdev_priv_fs_path_next(path, name);
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
	rc = virtdev_priv_fs_stat_mount(fs, other, "", &there);
	if (rc >= 0)
		rc = virtdev_priv_fs_stat_mount(fs, fd, "", &here);
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
	const int len = virtdev_priv_fs_path_text(fs, fd, path);
	const int rc = len < 0 ? len : check_same(fs, fd, path);

	return rc < 0 ? rc : len;
}
