/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* GETATTR, STATX, SETATTR, ACCESS and STATFS. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "fs/names/names.h"

/* Adapts the window before the reply reports a new file size. */
static int stat_node(const struct fs_call *c, struct statx *st, struct fuse_attr *attr)
{
	int rc;

	virtdev_priv_fs_host_call_begin(c);
	rc = virtdev_priv_fs_host_call_end(c, virtdev_priv_fs_stat(c->inode->fd, "", st));
	if (rc < 0)
		return rc;
	virtdev_priv_fs_window_fit(c, c->in.nodeid, st->stx_size);
	virtdev_priv_fs_attr(c->fs, st, attr);
	return 0;
}

int virtdev_priv_fs_getattr(struct fs_call *c)
{
	struct fuse_attr_out out = { .attr_valid = c->fs->valid_s };
	struct statx st;
	int rc = stat_node(c, &st, &out.attr);

	return rc < 0 ? rc : virtdev_priv_fs_reply(c, &out, sizeof(out));
}

static struct fs_statx_time time_told(struct statx_timestamp t)
{
	return (struct fs_statx_time){ .s = t.tv_sec, .ns = t.tv_nsec };
}

/* Omits the host's device numbers and file system attributes. */
int virtdev_priv_fs_statx(struct fs_call *c)
{
	struct fs_statx_out out = { .valid = c->fs->valid_s };
	struct fuse_attr attr;
	struct statx st;
	int rc = stat_node(c, &st, &attr);

	if (rc < 0)
		return rc;
	out.mask = st.stx_mask & (STATX_BASIC_STATS | STATX_BTIME);
	out.blksize = attr.blksize;
	out.nlink = attr.nlink;
	out.uid = attr.uid;
	out.gid = attr.gid;
	out.mode = (uint16_t)attr.mode;
	out.ino = attr.ino;
	out.size = attr.size;
	out.blocks = attr.blocks;
	out.atime = time_told(st.stx_atime);
	out.btime = time_told(st.stx_btime);
	out.ctime = time_told(st.stx_ctime);
	out.mtime = time_told(st.stx_mtime);
	out.rdev_major = st.stx_rdev_major;
	out.rdev_minor = st.stx_rdev_minor;
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

/* Linux does not support modes of symbolic links. */
static int set_mode(struct fs_call *c, const struct fuse_setattr_in *in)
{
	const struct fs_proc_name name =
		virtdev_priv_fs_proc_name(c->inode->fd);

	if (c->inode->type == S_IFLNK)
		return -EOPNOTSUPP;
	return fchmodat(c->fs->proc, name.text, in->mode & FS_MODE_BITS, 0) < 0 ?
	       -errno : 0;
}

static int set_owner(struct fs_call *c, const struct fuse_setattr_in *in)
{
	uint32_t uid = UINT32_MAX, gid = UINT32_MAX;	/* unchanged */
	int rc = 0;

	if (in->valid & FATTR_UID)
		rc = virtdev_priv_fs_idmap_to_host(&c->fs->uids, in->uid, &uid);
	if (rc >= 0 && in->valid & FATTR_GID)
		rc = virtdev_priv_fs_idmap_to_host(&c->fs->gids, in->gid, &gid);
	if (rc < 0)
		return rc;
	return fchownat(c->inode->fd, "", uid, gid,
			AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int cut_file(const struct fs *fs, int fd, const struct fuse_setattr_in *in)
{
	const int begun = virtdev_priv_fs_killpriv_begin(
			fs, in->valid & FATTR_KILL_SUIDGID, fd);
	int rc = begun;

	if (rc >= 0)
		rc = ftruncate(fd, (off_t)in->size) < 0 ? -errno : 0;
	virtdev_priv_fs_killpriv_end(begun);
	return rc;
}

static int set_size(struct fs_call *c, const struct fuse_setattr_in *in)
{
	struct fs_handle *handle = NULL;
	int rc, fd = -1;

	if (in->size > INT64_MAX)
		return -EFBIG;
	if (in->valid & FATTR_FH)
		handle = virtdev_priv_fs_handle_get(c->fs, in->fh,
						    c->in.nodeid);
	if (!handle)
		fd = virtdev_priv_fs_reopen(c->fs, c->inode,
					    O_WRONLY | O_NONBLOCK);
	if (!handle && fd < 0)
		return fd;
	rc = cut_file(c->fs, handle ? handle->fd : fd, in);
	if (handle)
		virtdev_priv_fs_handle_put(c->fs, handle);
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return rc;
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t now,
			       uint64_t s, uint32_t ns)
{
	if (!(valid & (set | now)))
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	if (valid & now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	/* a larger value would be UTIME_NOW or UTIME_OMIT, or is invalid */
	return (struct timespec){ .tv_sec = (time_t)s,
				  .tv_nsec = ns < 1000000000 ? (long)ns : 0 };
}

static int set_times(struct fs_call *c, const struct fuse_setattr_in *in)
{
	const struct fs_proc_name name =
		virtdev_priv_fs_proc_name(c->inode->fd);
	const struct timespec times[2] = {
		time_of(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime,
			in->atimensec),
		time_of(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime,
			in->mtimensec),
	};

	return utimensat(c->fs->proc, name.text, times, 0) < 0 ? -errno : 0;
}

int virtdev_priv_fs_setattr(struct fs_call *c)
{
	static const struct {
		uint32_t when;
		int (*set)(struct fs_call *c, const struct fuse_setattr_in *in);
	} steps[] = {
		{ FATTR_MODE, set_mode },
		{ FATTR_UID | FATTR_GID, set_owner },
		{ FATTR_SIZE, set_size },
		{ FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW |
		  FATTR_MTIME_NOW, set_times },
	};
	const struct fuse_setattr_in in = c->arg.setattr;
	unsigned int i;
	int rc;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (!(in.valid & steps[i].when))
			continue;
		rc = steps[i].set(c, &in);
		if (rc < 0)
			return rc;
	}
	return virtdev_priv_fs_getattr(c);
}

/* Checks as the request's user, without supplementary groups. */
int virtdev_priv_fs_access(struct fs_call *c)
{
	const struct fs_proc_name name =
		virtdev_priv_fs_proc_name(c->inode->fd);
	const uint32_t mask = c->arg.access.mask;
	int rc;

	if (mask & ~(uint32_t)(R_OK | W_OK | X_OK))
		return -EINVAL;
	if (mask & W_OK && c->fs->config.read_only)
		return -EROFS;
	rc = virtdev_priv_fs_user_enter(c);
	if (rc < 0)
		return rc;
	virtdev_priv_fs_host_call_begin(c);
	rc = faccessat(c->fs->proc, name.text, (int)mask, AT_EACCESS) < 0 ?
	     -errno : 0;
	rc = virtdev_priv_fs_host_call_end(c, rc);
	virtdev_priv_fs_user_leave(c);
	return rc;
}

int virtdev_priv_fs_statfs(struct fs_call *c)
{
	struct fuse_statfs_out out = { 0 };
	struct statfs st;
	int rc;

	virtdev_priv_fs_host_call_begin(c);
	rc = fstatfs(c->inode->fd, &st) < 0 ? -errno : 0;
	rc = virtdev_priv_fs_host_call_end(c, rc);
	if (rc < 0)
		return rc;
	out.st = (struct fuse_kstatfs){
		.blocks = st.f_blocks, .bfree = st.f_bfree,
		.bavail = st.f_bavail, .files = st.f_files,
		.ffree = st.f_ffree, .bsize = (uint32_t)st.f_bsize,
		.namelen = (uint32_t)st.f_namelen,
		.frsize = (uint32_t)st.f_frsize,
	};
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}
