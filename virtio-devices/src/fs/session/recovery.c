/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The recovery file and the load of its session. The file is untrusted: each record is
 * read once and validated; then its file is found in the shared directory or is lost.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/device/recover.h"
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

static int file_error(const char *path, int rc, struct vsu_error *err)
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
		return file_error(path, -errno, err);
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
static int head_read(struct fs *fs, const char *path,
		     struct fs_recover_head *h, struct vsu_error *err)
{
	const ssize_t n = pread(fs->recover.fd, h, sizeof(*h), 0);

	if (n < 0)
		return file_error(path, -errno, err);
	if (!n)
		return 0;
	if (n < (ssize_t)sizeof(*h) || memcmp(h->magic, MAGIC, sizeof(MAGIC)))
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' (recover) is not a recovery file and was not changed; name another file",
				     path);
	fs->recover.unmounted = !h->agreed;
	return h->agreed != 0;
}

/* 1: the file contains a session, and h its header; 0: it contains none. */
static int session_open(struct fs *fs, const char *path, struct fs_recover_head *h,
			struct vsu_error *err)
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
		return file_error(path, rc, err);
	own = make_head(fs, &folder);
	if (session)
		rc = check_session(fs, path, h, &own, err);
	if (rc < 0)
		return rc;
	if (!session)
		rc = file_begin(fs, &own);
	if (rc >= 0)
		rc = file_map(fs);
	return rc < 0 ? file_error(path, rc, err) : session;
}

/* --------------------------------------------------------------------- records */

/* Uses pread(): a load from a hole of the mapping would allocate blocks. */
static bool record_read(const struct fs *fs, const struct fs_recover_table *t,
			uint32_t index, void *record)
{
	const uint64_t at = t->at + (uint64_t)t->size * index;

	return index < t->max &&
	       pread(fs->recover.fd, record, t->size, (off_t)at) ==
	       (ssize_t)t->size;
}

static bool inode_read(const struct fs *fs, uint32_t index,
		       struct fs_recover_inode_record *r)
{
	return record_read(fs, &fs->recover.inodes, index, r) &&
	       (uint32_t)r->id == index + 1 && r->which <= 4 &&
	       r->file_handle.handle.handle_bytes <= MAX_HANDLE_SZ;
}

/* The current name and parent, or NULL. */
static const struct fs_recover_dentry *
dentry_of(const struct fs_recover_inode_record *r)
{
	const struct fs_recover_dentry *p = &r->dentries[fs_recover_current_dentry(r->which)];

	return r->which && *p->name && memchr(p->name, 0, sizeof(p->name)) ? p : NULL;
}

/* Prepends name to the path at begin; returns the new begin, or NULL: too long. */
static char *path_prepend(char *begin, const char *room, const char *name)
{
	const size_t len = strlen(name), slash = *begin != 0;

	if ((size_t)(begin - room) < len + slash)
		return NULL;
	if (slash)
		*--begin = '/';
	return memcpy(begin - len, name, len);
}

/*
 * Builds the path from the parents' names. Terminates even if the records form a cycle:
 * each step consumes bytes of path. Empty if a name is missing.
 */
static void path_build(const struct fs *fs, struct fs_recover_inode_record r,
		       char path[PATH_MAX])
{
	const struct fs_recover_dentry *p = dentry_of(&r);
	char *begin = &path[PATH_MAX - 1];
	uint64_t parent;

	*begin = 0;
	while (p && (begin = path_prepend(begin, path, p->name))) {
		parent = p->parent;
		if (parent == FUSE_ROOT_ID)
			break;
		p = inode_read(fs, (uint32_t)parent - 1, &r) &&
		    r.id == parent ? dentry_of(&r) : NULL;
	}
	if (p && begin)
		memmove(path, begin, strlen(begin) + 1);
	else
		*path = 0;
}

static bool file_read(const struct fs *fs, uint32_t index,
		      struct fs_file_record *f)
{
	struct fs_recover_inode_record r;

	if (!inode_read(fs, index, &r))
		return false;
	f->id = r.id;
	f->lookups = r.lookups;
	f->dev = r.dev;
	f->ino = r.ino;
	f->btime = r.btime;
	f->type = r.type;
	f->file_handle = r.file_handle;
	path_build(fs, r, f->path);
	return virtdev_priv_fs_file_record_is_valid(f);
}

static bool open_read(const struct fs *fs, uint32_t index,
		      struct fs_open_record *o)
{
	struct fs_recover_handle_record r;

	if (!record_read(fs, &fs->recover.handles, index, &r) ||
	    (uint32_t)r.id != index + 1 ||
	    r.flags > UINT32_MAX)
		return false;
	*o = (struct fs_open_record){ r.id, r.node, (uint32_t)r.flags };
	return virtdev_priv_fs_open_record_is_valid(o);
}

/* -------------------------------------------------------------------- session */

/* A lost record stays lost for later processes. */
static void record_clear(const struct fs *fs, const struct fs_recover_table *t,
			 uint32_t index)
{
	uint64_t *id = (uint64_t *)(void *)(fs->recover.map + t->at +
					    (uint64_t)t->size * index);

	__atomic_store_n(id, 0, __ATOMIC_RELEASE);
}

static bool is_there(const struct fs *fs,
		     const struct fs_recover_inode_record *r)
{
	char path[PATH_MAX];
	struct statx st;
	int fd, rc;

	path_build(fs, *r, path);
	fd = *path && virtdev_priv_fs_path_is_valid(path) ?
	     virtdev_priv_fs_path_open(fs, fs->folder, path) : -ENOENT;
	rc = fd < 0 ? fd : virtdev_priv_fs_stat(fd, "", &st);
	vsu_fd_close(&fd);
	return rc >= 0 && r->ino == st.stx_ino &&
	       r->dev == virtdev_priv_fs_dev_of(&st);
}

/* Decides interrupted renames first: paths of other files contain these names. */
static void settle_moves(const struct fs *fs, uint32_t reach)
{
	const struct fs_recover_table *t = &fs->recover.inodes;
	struct fs_recover_inode_record r, *kept;
	uint32_t i, now;

	for (i = FUSE_ROOT_ID; i < reach; i++) {
		if (!inode_read(fs, i, &r) || r.which <= 2)
			continue;
		now = fs_recover_current_dentry(r.which);
		kept = (void *)(fs->recover.map + t->at + (uint64_t)t->size * i);
		__atomic_store_n(&kept->which,
				 (is_there(fs, &r) ? now : !now) + 1,
				 __ATOMIC_RELEASE);
	}
}

static uint32_t load_inodes(struct fs *fs, uint32_t reach)
{
	struct fs_file_record f;
	uint32_t i, lost = 0;

	for (i = FUSE_ROOT_ID; i < reach; i++) {
		if (file_read(fs, i, &f)) {
			if (virtdev_priv_fs_restore_file(fs, &f) == 0)
				continue;
			lost++;
		}
		record_clear(fs, &fs->recover.inodes, i);
	}
	return lost;
}

static uint32_t load_handles(struct fs *fs, uint32_t reach)
{
	struct fs_open_record o;
	uint32_t i, lost = 0;
	int rc;

	for (i = 0; i < reach; i++) {
		rc = open_read(fs, i, &o) ?
		     virtdev_priv_fs_restore_open(fs, &o) : -EBADMSG;
		lost += rc == 1;
		if (rc != 0)
			record_clear(fs, &fs->recover.handles, i);
	}
	return lost;
}

static int reserve_table(struct fs *fs, struct fs_recover_table *t,
			 uint32_t reach)
{
	return virtdev_priv_fs_recover_reserve(fs, t, t->at +
					       (uint64_t)t->size * reach);
}

/* IDs are not reused, including those whose record was not written. */
static int load_session(struct fs *fs, const struct fs_recover_head *h)
{
	struct fs_recover *r = &fs->recover;
	uint32_t lost;
	int rc = reserve_table(fs, &r->inodes, h->reach[0]);

	if (rc >= 0)
		rc = reserve_table(fs, &r->handles, h->reach[1]);
	if (rc < 0)
		return rc;
	r->loading = true;
	virtdev_priv_fs_pool_renew(&fs->inodes, h->highest[0] + 1);
	virtdev_priv_fs_pool_renew(&fs->handles, h->highest[1] + 1);
	settle_moves(fs, h->reach[0]);
	lost = load_inodes(fs, h->reach[0]);
	lost += load_handles(fs, h->reach[1]);
	virtdev_priv_fs_restore_end(fs);
	r->loading = false;
	fs_recover_head_of(r)->generation = h->generation + 1;
	virtdev_priv_fs_count(fs, FS_LOST, lost);
	__atomic_store_n(&fs->agreed, h->agreed, __ATOMIC_RELEASE);
	fs->keep = FS_KEEP_RESTORED;
	return 0;
}

int virtdev_priv_fs_recover_load(struct fs *fs, const char *path,
				 struct vsu_error *err)
{
	struct fs_recover_head head;
	int rc = session_open(fs, path, &head, err);

	if (rc <= 0)
		return rc;
	rc = load_session(fs, &head);
	return rc < 0 ? file_error(path, rc, err) : 0;
}

void virtdev_priv_fs_recover_close(struct fs *fs)
{
	struct fs_recover *r = &fs->recover;

	r->block = vmem_block_unref(r->block);
	r->map = NULL;
	vsu_fd_close(&r->fd);
}
