/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A file as the driver is told of it, and its descriptor opened anew. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <vmm-sys-util/fd.h>

#include "fs/fs_priv.h"

struct fs_proc_name virtdev_priv_fs_proc_name(int fd)
{
	struct fs_proc_name name;

	snprintf(name.text, sizeof(name.text), "%d", fd);
	return name;
}

int virtdev_priv_fs_reopen(const struct fs *fs, const struct fs_inode *inode,
			   int flags)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(inode->fd);
	int fd;

	/* nothing but these has an effect when it is opened */
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -EBADF;
	fd = openat(fs->proc, name.text, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int virtdev_priv_fs_stat(int dir, const char *name, struct statx *st)
{
	return statx(dir, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW |
		     AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_MNT_ID,
		     st) < 0 ? -errno : 0;
}

void virtdev_priv_fs_attr(const struct statx *st, struct fuse_attr *attr)
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
		.nlink = st->stx_nlink, .uid = st->stx_uid,
		.gid = st->stx_gid, .blksize = st->stx_blksize,
		/* as the kernel's new_encode_dev() has it */
		.rdev = (st->stx_rdev_minor & 0xff) | st->stx_rdev_major << 8 |
			(st->stx_rdev_minor & ~0xffu) << 12,
	};
}

int virtdev_priv_fs_entry_take_fd(struct fs *fs, const struct fs_inode *parent,
				  int fd, struct fuse_entry_out *out)
{
	struct statx st;
	uint64_t id;
	int rc = virtdev_priv_fs_stat(fd, "", &st);

	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	rc = virtdev_priv_fs_inode_tell_take_fd(fs, fd, &st, &id);
	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	out->nodeid = id;
	out->entry_valid = out->attr_valid = fs->valid_s;
	virtdev_priv_fs_attr(&st, &out->attr);
	if (st.stx_mnt_id != parent->mount && S_ISDIR(st.stx_mode) &&
	    __atomic_load_n(&fs->agreed, __ATOMIC_RELAXED) & FUSE_SUBMOUNTS)
		out->attr.flags = FUSE_ATTR_SUBMOUNT;
	return 0;
}

int virtdev_priv_fs_entry(struct fs *fs, const struct fs_inode *parent,
			  const char *name, struct fuse_entry_out *out)
{
	int fd = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno
		      : virtdev_priv_fs_entry_take_fd(fs, parent, fd, out);
}

int virtdev_priv_fs_answer_entry(struct fs_call *c, const char *name)
{
	struct fuse_entry_out out;
	int rc = virtdev_priv_fs_entry(c->fs, c->inode, name, &out);

	return rc < 0 ? rc : virtdev_priv_fs_answer(c, &out, sizeof(out));
}
