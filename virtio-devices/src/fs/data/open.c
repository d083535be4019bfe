/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* OPEN, OPENDIR, FLUSH, FSYNC, SYNCFS, RELEASE and RELEASEDIR. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/data/data.h"

static int open_inode(struct fs_call *c, int flags)
{
	const bool kills = c->arg.open.open_flags & FUSE_OPEN_KILL_SUIDGID;
	struct fuse_open_out out = { .open_flags =
		virtdev_priv_fs_open_flags(c->fs, flags & O_DIRECTORY) };
	struct vsu_closer *closer = NULL;
	int fd, rc;

	/* O_TRUNC modifies the file even if it is opened read-only */
	if (!(flags & O_TRUNC))
		virtdev_priv_fs_host_call_begin(c);
	fd = (kills ? virtdev_priv_fs_reopen_killing
		    : virtdev_priv_fs_reopen)(c->fs, c->inode,
					      flags | O_NONBLOCK);
	if (!(flags & O_DIRECTORY))
		closer = virtdev_priv_fs_closer(c->fs, c->inode, fd);
	rc = fd;
	if (!(flags & O_TRUNC))
		rc = virtdev_priv_fs_host_call_end(c, fd);
	if (rc < 0) {
		virtdev_priv_fs_close(closer, &fd);
		return rc;
	}
	if (flags & O_TRUNC)
		virtdev_priv_fs_window_fit(c, c->in.nodeid, 0);
	rc = virtdev_priv_fs_handle_new_take_fd(c->fs, fd, closer,
						c->in.nodeid, (uint32_t)flags,
						&out.fh);
	return rc < 0 ? rc : virtdev_priv_fs_reply(c, &out, sizeof(out));
}

int virtdev_priv_fs_open(struct fs_call *c)
{
	const int flags = (int)c->arg.open.flags & FS_OPEN_FLAGS;
	const bool changes = (flags & O_ACCMODE) != O_RDONLY ||
			     flags & O_TRUNC;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (c->inode->type == S_IFDIR)
		return -EISDIR;
	return changes && c->fs->config.read_only ? -EROFS
						  : open_inode(c, flags);
}

int virtdev_priv_fs_opendir(struct fs_call *c)
{
	return c->inode->type == S_IFDIR ?
	       open_inode(c, O_RDONLY | O_DIRECTORY) : -ENOTDIR;
}

/* After the reply the guest may lock again: unlock first, close() may be late. */
int virtdev_priv_fs_release(struct fs_call *c)
{
	bool unlocks;

	pthread_mutex_lock(&c->handle->position);
	unlocks = c->handle->flocked && c->handle->closer;
	pthread_mutex_unlock(&c->handle->position);
	if (unlocks)
		flock(c->handle->fd, LOCK_UN);
	virtdev_priv_fs_handle_retire(c->fs, c->handle);
	return 0;
}

/* close() of a duplicate: network file systems report write errors there. */
int virtdev_priv_fs_flush(struct fs_call *c)
{
	int fd = vsu_fd_dup(c->handle->fd);

	virtdev_priv_fs_owner_forget(c->fs, c->in.nodeid,
				     c->arg.flush.lock_owner);
	if (fd < 0)
		return fd;
	virtdev_priv_fs_host_call_begin(c);
	return virtdev_priv_fs_host_call_end(c, close(fd) < 0 && errno != EINTR ?
				       -errno : 0);
}

int virtdev_priv_fs_fsync(struct fs_call *c)
{
	const bool data_only = c->arg.fsync.fsync_flags & FUSE_FSYNC_FDATASYNC;

	int rc;

	virtdev_priv_fs_host_call_begin(c);
	rc = data_only ? fdatasync(c->handle->fd) : fsync(c->handle->fd);
	return virtdev_priv_fs_host_call_end(c, rc < 0 ? -errno : 0);
}

int virtdev_priv_fs_syncfs(struct fs_call *c)
{
	int fd = virtdev_priv_fs_reopen(c->fs, c->inode, O_RDONLY | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return fd;
	rc = syncfs(fd) < 0 ? -errno : 0;
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return rc;
}
