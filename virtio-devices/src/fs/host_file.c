/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Host files by descriptor: reopening, and attributes. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/priv.h"

struct fs_proc_name virtdev_priv_fs_proc_name(int fd)
{
	struct fs_proc_name name;

	snprintf(name.text, sizeof(name.text), "%d", fd);
	return name;
}

/* The kernel assigns the lowest free number, so fd is a bound of open files. */
int virtdev_priv_fs_check_kept(const struct fs *fs, int *fd,
			       struct vsu_closer *closer, uint32_t spared)
{
	if (*fd < 0 || (uint64_t)*fd + spared < fs->fd_limit)
		return 0;
	virtdev_priv_fs_close(closer, fd);
	return -ENFILE;
}

int virtdev_priv_fs_reopen(const struct fs *fs, struct fs_inode *inode,
			   int flags)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(inode->fd);
	int rc, fd;

	/* opening a FIFO or device has side effects */
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -EBADF;
	rc = inode->type == S_IFREG ?
	     virtdev_priv_fs_check_unclosed(fs, inode) : 0;
	if (rc < 0)
		return rc;
	fd = openat(fs->proc, name.text, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

void virtdev_priv_fs_unopen(const struct fs *fs, struct fs_inode *inode, int fd)
{
	struct vsu_closer *closer = NULL;

	if (inode->type != S_IFDIR)
		closer = virtdev_priv_fs_closer(fs, inode, fd);
	virtdev_priv_fs_close(closer, &fd);
}

int virtdev_priv_fs_stat(int dir, const char *name, struct statx *st)
{
	/* not every C library has statx() */
	return syscall(SYS_statx, dir, name, AT_EMPTY_PATH |
		       AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		       STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
		       st) < 0 ? -errno : 0;
}

void virtdev_priv_fs_attr(const struct fs *fs, const struct statx *st,
			  struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = st->stx_ino, .size = st->stx_size,
		.blocks = st->stx_blocks, .mode = st->stx_mode,
		.atime = (uint64_t)st->stx_atime.tv_sec,
		.mtime = (uint64_t)st->stx_mtime.tv_sec,
		.ctime = (uint64_t)st->stx_ctime.tv_sec,
		.atimensec = st->stx_atime.tv_nsec,
		.mtimensec = st->stx_mtime.tv_nsec,
		.ctimensec = st->stx_ctime.tv_nsec,
		.nlink = st->stx_nlink, .blksize = st->stx_blksize,
		.uid = virtdev_priv_fs_idmap_to_guest(&fs->uids, st->stx_uid),
		.gid = virtdev_priv_fs_idmap_to_guest(&fs->gids, st->stx_gid),
		/* the kernel's new_encode_dev() */
		.rdev = (st->stx_rdev_minor & 0xff) | st->stx_rdev_major << 8 |
			(st->stx_rdev_minor & ~0xffu) << 12,
	};
}
