/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The recovery file: layout, ownership checks and locking. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/session/session.h"

#define MAGIC "cvmm-fs"
#define FORMAT 2u

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

static void lay_out(struct fs *fs)
{
	struct fs_recover *r = &fs->recover;

	r->inodes = (struct fs_recover_table){
		.at = FS_RECOVER_HEAD, .max = fs->config.inodes,
		.size = sizeof(struct fs_recover_inode_record),
	};
	r->inodes.end = r->inodes.at + (uint64_t)r->inodes.size * r->inodes.max;
	r->handles = (struct fs_recover_table){
		.at = (r->inodes.end + FS_RECOVER_HEAD - 1) &
		      ~(uint64_t)(FS_RECOVER_HEAD - 1),
		.max = fs->config.handles,
		.size = sizeof(struct fs_recover_handle_record),
	};
	r->handles.end = r->handles.at +
			 (uint64_t)r->handles.size * r->handles.max;
	r->inodes.ready = r->inodes.at;
	r->handles.ready = r->handles.at;
	r->replay_at = (r->handles.end + FS_RECOVER_HEAD - 1) &
		      ~(uint64_t)(FS_RECOVER_HEAD - 1);
	r->len = r->replay_at +
		 FS_REPLAY_RECORDS * sizeof(struct fs_replay_record);
}

static struct fs_recover_head make_head(const struct fs *fs,
					const struct statx *folder)
{
	const struct fs_recover *r = &fs->recover;

	return (struct fs_recover_head){
		.magic = MAGIC, .version = FORMAT,
		.inode_size = r->inodes.size, .handle_size = r->handles.size,
		.ninodes = r->inodes.max, .nhandles = r->handles.max,
		.dev = virtdev_priv_fs_dev_of(folder), .ino = folder->stx_ino,
	};
}

/* Writes the header before the file gets its full size. */
static int file_begin(struct fs *fs, const struct fs_recover_head *h)
{
	const int fd = fs->recover.fd;

	if (ftruncate(fd, 0) < 0 ||
	    pwrite(fd, h, sizeof(*h), 0) != (ssize_t)sizeof(*h) ||
	    ftruncate(fd, (off_t)fs->recover.len) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int file_map(struct fs *fs)
{
	struct fs_recover *r = &fs->recover;
	const struct vmem_fd_desc desc = {
		.fd = r->fd, .len = r->len, .sigbus = fs->config.sigbus,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
	};
	int rc;

	if (fallocate(r->fd, 0, 0, FS_RECOVER_HEAD) < 0 ||
	    fallocate(r->fd, 0, (off_t)r->replay_at,
		      (off_t)(r->len - r->replay_at)) < 0)
		return -errno;
	rc = vmem_block_new_fd(&desc, &r->block, NULL);
	if (rc >= 0)
		r->map = vmem_block_hva(r->block);
	return rc;
}

int virtdev_priv_fs_recover_file_error(const char *path, int rc, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL,
			     "fs: cannot keep the session in '%s' (recover): %s",
			     path, strerror(-rc));
}

static int file_open(struct fs *fs, const char *path, struct vsu_error *err)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
			    O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' (recover) is a symbolic link, which is not followed; name the file itself",
				     path);
	if (fd < 0 || fstat(fd, &st) < 0) {
		fs->recover.fd = fd;
		return virtdev_priv_fs_recover_file_error(path, -errno, err);
	}
	fs->recover.fd = fd;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & OTHERS_WRITE)
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' (recover) must be a regular file that belongs to this user and is not writable by others",
				     path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return vsu_error_set(err, -EBUSY,
				     "fs: '%s' (recover) is locked by another process, which still runs",
				     path);
	return 0;
}

static int session_refuse(const char *path, const char *why, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL,
			     "fs: the session in '%s' (recover) is %s; use the options that it was started with, or remove the file",
			     path, why);
}

/* Whether this device can continue the session. */
static int check_session(const struct fs *fs, const char *path,
			 const struct fs_recover_head *h,
			 const struct fs_recover_head *own,
			 struct vsu_error *err)
{
	const off_t len = lseek(fs->recover.fd, 0, SEEK_END);
	int rc;

	if (h->version != FORMAT || h->inode_size != own->inode_size ||
	    h->handle_size != own->handle_size)
		return session_refuse(path, "of another version", err);
	if (h->dev != own->dev || h->ino != own->ino)
		return session_refuse(path, "of another folder", err);
	if (h->ninodes != own->ninodes || h->nhandles != own->nhandles ||
	    len != (off_t)fs->recover.len || h->reach[0] > h->ninodes ||
	    h->reach[1] > h->nhandles)
		return session_refuse(path, "of a device with another limit of open files", err);
	if (!(h->agreed & FS_SESSION))
		return session_refuse(path, "damaged", err);
	rc = virtdev_priv_fs_agreed_check(fs, h->agreed, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "'%s' (recover)", path) : 0;
}

/* 1: a session, whose header is in h; 0: no session, the file may be initialized. */
static int head_read(const struct fs *fs, const char *path,
		     struct fs_recover_head *h, struct vsu_error *err)
{
	const ssize_t n = pread(fs->recover.fd, h, sizeof(*h), 0);

	if (n < 0)
		return virtdev_priv_fs_recover_file_error(path, -errno, err);
	if (!n)
		return 0;
	if (n < (ssize_t)sizeof(*h) || memcmp(h->magic, MAGIC, sizeof(MAGIC)))
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' (recover) is not a recovery file and was not changed; name another file",
				     path);
	return h->agreed != 0;
}

int virtdev_priv_fs_recover_file_open(struct fs *fs, const char *path,
				      struct fs_recover_head *h, struct vsu_error *err)
{
	struct fs_recover_head own;
	struct statx folder;
	int session, rc;

	lay_out(fs);
	rc = file_open(fs, path, err);
	session = rc < 0 ? rc : head_read(fs, path, h, err);
	if (session < 0)
		return session;
	rc = virtdev_priv_fs_stat(fs->folder, "", &folder);
	if (rc < 0)
		return virtdev_priv_fs_recover_file_error(path, rc, err);
	own = make_head(fs, &folder);
	if (session)
		rc = check_session(fs, path, h, &own, err);
	if (rc < 0)
		return rc;
	if (!session)
		rc = file_begin(fs, &own);
	if (rc >= 0)
		rc = file_map(fs);
	return rc < 0 ? virtdev_priv_fs_recover_file_error(path, rc, err) : session;
}

void virtdev_priv_fs_recover_close(struct fs *fs)
{
	struct fs_recover *r = &fs->recover;

	r->block = vmem_block_unref(r->block);
	r->map = NULL;
	vsu_fd_close(&r->fd);
}
