/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Host files by descriptor: reopening, attributes, and whether a server provides them. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "fs/device/priv.h"

/*
 * Maximum files that wait in the closer: handles / UNCLOSED_SHARE, at most MAX_UNCLOSED,
 * which fits both the closer and the descriptors reserved for the process.
 */
#define UNCLOSED_SHARE 4u
#define MAX_UNCLOSED 1000u

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

/*
 * A FUSE server that opened the file with O_APPEND would append each later write, because
 * fcntl(F_SETFL) does not reach it. A file that only accepts appends (EPERM) requires the flag.
 */
static int open_link(const struct fs *fs, const char *link, int flags)
{
	int fd = openat(fs->proc, link, (flags & ~O_APPEND) | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == EPERM && flags & O_APPEND)
		fd = openat(fs->proc, link, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int virtdev_priv_fs_reopen(const struct fs *fs, struct fs_inode *inode,
			   int flags)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(inode->fd);
	int rc;

	/* opening a FIFO or device has side effects */
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -EBADF;
	rc = inode->type == S_IFREG ?
	     virtdev_priv_fs_check_unclosed(fs, inode) : 0;
	return rc < 0 ? rc : open_link(fs, name.text, flags);
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

bool virtdev_priv_fs_is_privileged(int fd)
{
	struct statx st;

	return virtdev_priv_fs_stat(fd, "", &st) < 0 ||
	       (!S_ISDIR(st.stx_mode) && st.stx_mode & FS_PRIVILEGES);
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
		/* 0: the guest's page size. With another one, Linux cannot write a mapped file back. */
		.nlink = st->stx_nlink, .blksize = fs->nchunks ? 0 : st->stx_blksize,
		.uid = virtdev_priv_fs_idmap_to_guest(&fs->uids, st->stx_uid),
		.gid = virtdev_priv_fs_idmap_to_guest(&fs->gids, st->stx_gid),
		/* the kernel's new_encode_dev() */
		.rdev = (st->stx_rdev_minor & 0xff) | st->stx_rdev_major << 8 |
			(st->stx_rdev_minor & ~0xffu) << 12,
	};
}

/* ------------------------------------------------- file systems with servers */

/* Whether a server provides such a file system; type: statfs.f_type. */
static bool type_is_served(uint32_t type)
{
	static const uint32_t types[] = {
		V9FS_MAGIC, NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC,
		AFS_FS_MAGIC, CODA_SUPER_MAGIC, 0x65735546u /* FUSE */,
		0xff534d42u /* CIFS */, 0xfe534d42u /* SMB 2 */,
		0x00c36400u /* Ceph */, 0x0bd00bd0u /* Lustre */,
		0x47504653u /* GPFS */, 0x19830326u /* BeeGFS */,
		0x20030528u /* OrangeFS */,
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

/*
 * fstatfs() may block on the server. Overlayfs does not reveal its layers: trust the
 * operator's shared directory, but assume a server for any other overlay.
 */
static int statfs_served(int fd, bool is_folder)
{
	struct statfs st = { 0 };
	uint32_t type;

	if (fstatfs(fd, &st) < 0)
		return FS_SERVED;
	type = (uint32_t)st.f_type;
	return type_is_served(type) ||
	       (type == OVERLAYFS_SUPER_MAGIC && !is_folder) ? FS_SERVED :
							       FS_NOT_SERVED;
}

void virtdev_priv_fs_served_init(struct fs *fs, uint64_t dev)
{
	fs->folder_dev = dev;
	fs->folder_served = statfs_served(fs->folder, true);
}

/*
 * The result of the shared directory applies to its whole file system. For others the
 * device number does not help: "fuseblk" has a block device and a server.
 */
static bool may_be_served(const struct fs *fs, const struct fs_inode *inode)
{
	return inode->dev != fs->folder_dev || fs->folder_served == FS_SERVED;
}

int virtdev_priv_fs_is_served(const struct fs_call *c)
{
	int served;

	if (!virtdev_priv_fs_has_workers(c->queue) || !may_be_served(c->fs, c->inode))
		return 0;
	served = __atomic_load_n(&c->inode->served, __ATOMIC_RELAXED);
	if (served == FS_SERVED_UNKNOWN) {
		virtdev_priv_fs_host_call_begin(c);
		served = virtdev_priv_fs_host_call_end(c, statfs_served(c->handle->fd, false));
		if (served < 0)
			return served;
		__atomic_store_n(&c->inode->served, served, __ATOMIC_RELAXED);
	}
	return served == FS_SERVED;
}

struct vsu_closer *virtdev_priv_fs_closer(const struct fs *fs,
					  struct fs_inode *inode, int fd)
{
	int served;

	if (fd < 0 || !fs->config.closer || !may_be_served(fs, inode))
		return NULL;
	served = __atomic_load_n(&inode->served, __ATOMIC_RELAXED);
	if (served == FS_SERVED_UNKNOWN) {
		served = statfs_served(fd, false);
		__atomic_store_n(&inode->served, served, __ATOMIC_RELAXED);
	}
	return served == FS_SERVED ? fs->config.closer : NULL;
}

/* Limits pending closes, so that a guest cannot exhaust descriptors or the closer. */
int virtdev_priv_fs_check_unclosed(const struct fs *fs, struct fs_inode *inode)
{
	const uint32_t share = fs->config.handles / UNCLOSED_SHARE;
	const uint32_t most = share < MAX_UNCLOSED ? share : MAX_UNCLOSED;

	if (!fs->config.closer ||
	    vsu_closer_waiting(fs->config.closer) <= most)
		return 0;
	return virtdev_priv_fs_closer(fs, inode, inode->fd) ? -ENFILE : 0;
}

void virtdev_priv_fs_close(struct vsu_closer *closer, int *fd)
{
	if (closer)
		vsu_foreign_close(closer, fd);
	else
		vsu_fd_close(fd);
}
