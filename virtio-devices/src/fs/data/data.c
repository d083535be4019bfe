/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Open files: OPEN, OPENDIR, FLUSH, FSYNC, SYNCFS, RELEASE and RELEASEDIR; and READ, WRITE,
 * FALLOCATE, LSEEK and COPY_FILE_RANGE, without bounce buffers.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/data/data.h"

/* Permitted modes: none that shift content (collapse, insert) or unshare blocks. */
#define ALLOCATE_MODES (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | \
			FALLOC_FL_ZERO_RANGE)

/* Maximum bytes of one copy; the guest repeats the request for the rest. */
#define MAX_COPY (UINT64_C(16) << 20)

/* --------------------------------------------------------- open and release */

static int open_inode(struct fs_call *c, int flags)
{
	const bool kills = c->arg.open.open_flags & FUSE_OPEN_KILL_SUIDGID;
	struct fuse_open_out out = {
		.open_flags = virtdev_priv_fs_open_flags(c->fs, flags) };
	struct fs_open_record o = { .node = c->in.nodeid, .flags = (uint32_t)flags };
	struct vsu_closer *closer = NULL;
	int fd, rc;

	/* O_TRUNC modifies the file even if it is opened read-only */
	if (!(flags & O_TRUNC))
		virtdev_priv_fs_host_call_begin(c);
	fd = virtdev_priv_fs_reopen_killing(c->fs, c->inode, flags | O_NONBLOCK, kills);
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
	rc = virtdev_priv_fs_handle_add_take_fd(c->fs, fd, closer, &o);
	out.fh = o.id;
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

/*
 * A guest of a read-only folder has written nothing. It must not make the host write,
 * without limit, what others have written.
 */
int virtdev_priv_fs_fsync(struct fs_call *c)
{
	const bool data_only = c->arg.fsync.fsync_flags & FUSE_FSYNC_FDATASYNC;
	int rc;

	if (c->fs->config.read_only)
		return 0;
	virtdev_priv_fs_host_call_begin(c);
	rc = data_only ? fdatasync(c->handle->fd) : fsync(c->handle->fd);
	return virtdev_priv_fs_host_call_end(c, rc < 0 ? -errno : 0);
}

/* As FSYNC. */
int virtdev_priv_fs_syncfs(struct fs_call *c)
{
	int fd, rc;

	if (c->fs->config.read_only)
		return 0;
	virtdev_priv_fs_host_call_begin(c);
	fd = virtdev_priv_fs_reopen(c->fs, c->inode, O_RDONLY | O_NONBLOCK);
	rc = fd < 0 ? fd : syncfs(fd) < 0 ? -errno : 0;
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return virtdev_priv_fs_host_call_end(c, rc);
}

/* ------------------------------------------------------------------ content */

typedef ssize_t (*transfer_fn)(struct vq_cursor *cursor, int fd, int64_t off,
			       uint32_t len);

/* Transfers up to len bytes; an error after the first bytes returns their number. */
static int transfer_all(struct vq_cursor *cursor, int fd, uint64_t off,
		    uint32_t len, transfer_fn fn)
{
	uint32_t done = 0;
	ssize_t n;

	while (done < len) {
		n = fn(cursor, fd, (int64_t)(off + done), len - done);
		if (n < 0 && !done)
			return (int)n;
		if (n <= 0)
			break;
		done += (uint32_t)n;
	}
	return (int)done;
}

/* Reads len bytes, or fewer at the end of the file and before an error. */
static int read_bounced(struct fs_call *c, unsigned char *bytes, uint64_t off, uint32_t len)
{
	uint32_t done = 0;
	ssize_t n = 0;
	int rc;

	virtdev_priv_fs_host_call_begin(c);
	while (done < len) {
		n = pread(c->handle->fd, bytes + done, len - done,
			  (off_t)(off + done));
		if (n > 0)
			done += (uint32_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	}
	rc = virtdev_priv_fs_host_call_end(c, n < 0 && !done ? -errno : (int)done);
	return rc > 0 ? (int)vq_cursor_write(&c->to, bytes, done) : rc;
}

/*
 * Reads through a bounce buffer: if the file's server hangs, the system call does not
 * reference guest memory and the request can be detached.
 */
static int read_served(struct fs_call *c, uint64_t off, uint32_t len)
{
	const uint32_t most = len < FS_TRANSFER ? len : FS_TRANSFER;
	unsigned char *bytes = malloc(most ? most : 1);
	uint32_t done = 0, part;
	int n;

	if (!bytes)
		return -ENOMEM;
	do {
		part = len - done < most ? len - done : most;
		n = read_bounced(c, bytes, off + done, part);
		done += n > 0 ? (uint32_t)n : 0;
	} while (n == (int)part && done < len);
	free(bytes);
	return n < 0 && (!done || virtdev_priv_fs_is_detached(c)) ? n : (int)done;
}

int virtdev_priv_fs_read(struct fs_call *c)
{
	const struct fuse_read_in *in = &c->arg.read;
	const uint32_t room = vq_cursor_left(&c->to);
	int rc, served;

	if (in->size > FS_READ_MAX || in->size > room || in->offset > (uint64_t)INT64_MAX - in->size)
		return -EINVAL;
	served = virtdev_priv_fs_is_served(c);
	rc = served < 0 ? served :
	     served ? read_served(c, in->offset, in->size) :
	     transfer_all(&c->to, c->handle->fd, in->offset, in->size,
			  vq_cursor_from_fd);
	if (rc > 0)
		virtdev_priv_fs_count(c->fs, FS_BYTES_READ, (uint64_t)rc);
	return rc;
}

static int write_all(struct fs_call *c, const struct fuse_write_in *in)
{
	const bool appends = in->flags & O_APPEND && !(in->write_flags & FUSE_WRITE_CACHE);
	int rc = virtdev_priv_fs_append_begin(c->handle, appends);

	if (rc < 0)
		return rc;
	rc = transfer_all(&c->from, c->handle->fd, in->offset, in->size, vq_cursor_to_fd);
	virtdev_priv_fs_append_end(c->handle);
	return rc;
}

int virtdev_priv_fs_write(struct fs_call *c)
{
	const struct fuse_write_in *in = &c->arg.write;
	struct fuse_write_out out = { 0 };
	int rc, begun;

	if (in->size > FS_TRANSFER || in->size > c->left)
		return -EINVAL;
	if (in->offset > INT64_MAX - FS_TRANSFER)
		return -EFBIG;
	begun = virtdev_priv_fs_killpriv_begin(c->fs, in->write_flags & FUSE_WRITE_KILL_SUIDGID,
					       c->handle->fd);
	rc = begun < 0 ? begun : write_all(c, in);
	virtdev_priv_fs_killpriv_end(begun);
	if (rc < 0)
		return rc;
	virtdev_priv_fs_window_fit_fd(c, c->in.nodeid, c->handle->fd);
	out.size = (uint32_t)rc;
	virtdev_priv_fs_count(c->fs, FS_BYTES_WRITTEN, out.size);
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

/*
 * FUSE_FALLOCATE and FUSE_COPY_FILE_RANGE lack a flag to clear SUID and SGID, although
 * FUSE_HANDLE_KILLPRIV_V2 leaves that to the device. Assume CAP_FSETID for root only.
 */
static int killpriv_begin(const struct fs_call *c, int fd)
{
	return virtdev_priv_fs_killpriv_begin(c->fs, c->in.uid &&
			virtdev_priv_fs_agreed(c->fs, FUSE_HANDLE_KILLPRIV_V2), fd);
}

int virtdev_priv_fs_fallocate(struct fs_call *c)
{
	const struct fuse_fallocate_in *in = &c->arg.fallocate;
	int rc, begun;

	if (in->mode & ~(uint32_t)ALLOCATE_MODES)
		return -EOPNOTSUPP;
	if (in->offset > INT64_MAX || in->length > INT64_MAX)
		return -EFBIG;
	begun = killpriv_begin(c, c->handle->fd);
	rc = begun;
	if (rc >= 0)
		rc = fallocate(c->handle->fd, (int)in->mode, (off_t)in->offset,
			       (off_t)in->length) < 0 ? -errno : 0;
	virtdev_priv_fs_killpriv_end(begun);
	if (rc >= 0)
		virtdev_priv_fs_window_fit_fd(c, c->in.nodeid, c->handle->fd);
	return rc;
}

int virtdev_priv_fs_lseek(struct fs_call *c)
{
	const struct fuse_lseek_in *in = &c->arg.lseek;
	struct fuse_lseek_out out;
	off_t at;
	int rc;

	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	if (in->offset > INT64_MAX)
		return -ENXIO;
	virtdev_priv_fs_host_call_begin(c);
	at = lseek(c->handle->fd, (off_t)in->offset, (int)in->whence);
	rc = virtdev_priv_fs_host_call_end(c, at < 0 ? -errno : 0);
	if (rc < 0)
		return rc;
	out.offset = (uint64_t)at;
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

/* copy_file_range() fails with EBADF if the destination appends. */
static ssize_t copy_bytes(const struct fs_call *c, struct fs_handle *to, size_t len)
{
	off_t from_at = (off_t)c->arg.copy.off_in, to_at = (off_t)c->arg.copy.off_out;
	ssize_t n = virtdev_priv_fs_append_begin(to, false);

	if (n < 0)
		return n;
	n = copy_file_range(c->handle->fd, &from_at, to->fd, &to_at, len, 0);
	if (n < 0)
		n = -errno;
	virtdev_priv_fs_append_end(to);
	return n;
}

static int copy_range(const struct fs_call *c, struct fs_handle *to)
{
	const struct fuse_copy_file_range_in *in = &c->arg.copy;
	const uint64_t len = in->len < MAX_COPY ? in->len : MAX_COPY;
	ssize_t n;
	int begun;

	if (in->off_in > INT64_MAX - MAX_COPY ||
	    in->off_out > INT64_MAX - MAX_COPY || in->flags)
		return -EINVAL;
	begun = killpriv_begin(c, to->fd);
	if (begun < 0)
		return begun;
	n = copy_bytes(c, to, len);
	virtdev_priv_fs_killpriv_end(begun);
	return (int)n;
}

int virtdev_priv_fs_copy(struct fs_call *c)
{
	struct fs_handle *to = virtdev_priv_fs_handle_get(c->fs,
				c->arg.copy.fh_out, c->arg.copy.nodeid_out);
	struct fuse_write_out out = { 0 };
	int rc;

	if (!to)
		return -EBADF;
	rc = copy_range(c, to);
	virtdev_priv_fs_window_fit_fd(c, to->node, to->fd);
	virtdev_priv_fs_handle_put(c->fs, to);
	if (rc < 0)
		return rc;
	out.size = (uint32_t)rc;
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}
