/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A session that another process had, from the file that it left: it was killed,
 * or fell. Anybody may have written there since: each record is read once, judged,
 * and then found in the folder, or lost.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/restore.h"

#define MAGIC "cvmm-fs"
#define FORMAT 1u

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

/* --------------------------------------------------------------------- records */

/* Not by the map: who reads there what a file does not have gives it room. */
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
	       (uint32_t)r->id == index + 1 && r->which <= 2 &&
	       r->sum == virtdev_priv_fs_recover_inode_sum(r, r->id) &&
	       r->found.handle.handle_bytes <= MAX_HANDLE_SZ;
}

/* Its name, and its folder's number; or NULL. */
static const struct fs_recover_place *
place_of(const struct fs_recover_inode_record *r)
{
	const struct fs_recover_place *p = &r->places[r->which == 2];

	return r->which && p->sum == virtdev_priv_fs_recover_place_sum(p) &&
	       *p->name && memchr(p->name, 0, sizeof(p->name)) ? p : NULL;
}

/* In front of what is there, from the end of the room; the new begin, or NULL. */
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
 * From name to name up to the root: no more steps than a path has bytes, for each
 * one takes some. Empty where one of them is not to be had.
 */
static void path_build(const struct fs *fs, struct fs_recover_inode_record r,
		       char path[PATH_MAX])
{
	const struct fs_recover_place *p = place_of(&r);
	char *begin = &path[PATH_MAX - 1];
	uint64_t parent;

	*begin = 0;
	while (p && (begin = path_prepend(begin, path, p->name))) {
		parent = p->parent;
		if (parent == FUSE_ROOT_ID)
			break;
		p = inode_read(fs, (uint32_t)parent - 1, &r) &&
		    r.id == parent ? place_of(&r) : NULL;
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
	f->born = r.born;
	f->type = r.type;
	f->found = r.found;
	path_build(fs, r, f->path);
	return virtdev_priv_fs_file_record_is_good(f);
}

static bool open_read(const struct fs *fs, uint32_t index,
		      struct fs_open_record *o)
{
	struct fs_recover_handle_record r;

	if (!record_read(fs, &fs->recover.handles, index, &r) ||
	    (uint32_t)r.id != index + 1 ||
	    r.sum != virtdev_priv_fs_recover_handle_sum(&r, r.id) ||
	    r.flags > UINT32_MAX)
		return false;
	*o = (struct fs_open_record){ r.id, r.node, (uint32_t)r.flags };
	return virtdev_priv_fs_open_record_is_good(o);
}

/* ------------------------------------------------------------------------ all */

/* Lost once, and for the next process, too. */
static void record_clear(const struct fs *fs, const struct fs_recover_table *t,
			 uint32_t index)
{
	uint64_t *id = (uint64_t *)(void *)(fs->recover.map + t->at +
					    (uint64_t)t->size * index);

	__atomic_store_n(id, 0, __ATOMIC_RELEASE);
}

static uint32_t take_files(struct fs *fs, uint32_t reach)
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

static uint32_t take_opens(struct fs *fs, uint32_t reach)
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

static int make_ready(const struct fs *fs, struct fs_recover_table *t,
		      uint32_t reach)
{
	return virtdev_priv_fs_recover_ready(fs, t, t->at +
					     (uint64_t)t->size * reach);
}

/* A number that was given is not given again, even if nobody could write it down. */
static int take_session(struct fs *fs, const struct fs_recover_head *h)
{
	struct fs_recover *r = &fs->recover;
	uint32_t lost;
	int rc = make_ready(fs, &r->inodes, h->reach[0]);

	if (rc >= 0)
		rc = make_ready(fs, &r->handles, h->reach[1]);
	if (rc < 0)
		return rc;
	r->loading = true;
	virtdev_priv_fs_pool_renew(&fs->inodes, h->highest[0] + 1);
	virtdev_priv_fs_pool_renew(&fs->handles, h->highest[1] + 1);
	lost = take_files(fs, h->reach[0]);
	lost += take_opens(fs, h->reach[1]);
	r->loading = false;
	((struct fs_recover_head *)(void *)r->map)->life = h->life + 1;
	virtdev_priv_fs_count(fs, FS_LOST, lost);
	__atomic_store_n(&fs->agreed, h->agreed, __ATOMIC_RELEASE);
	fs->kept = true;
	return 0;
}

/* ----------------------------------------------------------------------- a file */

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
	r->onces_at = (r->handles.end + FS_RECOVER_HEAD - 1) &
		      ~(uint64_t)(FS_RECOVER_HEAD - 1);
	r->len = r->onces_at +
		 FS_RECOVER_ONCES * sizeof(struct fs_recover_once);
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

/* Whose it is shows before it is as long as it shall be. */
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
	void *map;

	if (fallocate(r->fd, 0, 0, FS_RECOVER_HEAD) < 0 ||
	    fallocate(r->fd, 0, (off_t)r->onces_at,
		      (off_t)(r->len - r->onces_at)) < 0)
		return -errno;
	map = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	r->map = map;
	return 0;
}

static int not_opened(const char *path, int rc, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL,
			     "fs: what the guest knows cannot be kept in '%s' (recover): %s",
			     path, strerror(-rc));
}

static int file_open(struct fs *fs, const char *path, struct vsu_error *err)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
			    O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		fs->recover.fd = fd;
		return not_opened(path, -errno, err);
	}
	fs->recover.fd = fd;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & OTHERS_WRITE)
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' (recover) has to be a file of this user, which nobody else may write",
				     path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return vsu_error_set(err, -EBUSY,
				     "fs: '%s' (recover) is another process's, which still runs",
				     path);
	return 0;
}

static int session_refuse(const char *path, const char *why, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL,
			     "fs: the session in '%s' (recover) is %s; give the options that it was begun with, or remove the file",
			     path, why);
}

/* Of a session that goes on here. */
static int judge_session(const struct fs *fs, const char *path,
			 const struct fs_recover_head *h,
			 const struct fs_recover_head *own,
			 struct vsu_error *err)
{
	const off_t len = lseek(fs->recover.fd, 0, SEEK_END);

	if (h->version != FORMAT || h->inode_size != own->inode_size ||
	    h->handle_size != own->handle_size)
		return session_refuse(path, "another version's", err);
	if (h->dev != own->dev || h->ino != own->ino)
		return session_refuse(path, "of another folder", err);
	if (h->ninodes != own->ninodes || h->nhandles != own->nhandles ||
	    len != (off_t)fs->recover.len || h->reach[0] > h->ninodes ||
	    h->reach[1] > h->nhandles)
		return session_refuse(path, "one with another limit of open files", err);
	return virtdev_priv_fs_agreed_judge(fs, h->agreed, err);
}

/* 1: a session, in h; 0: there is none, and the file may be begun anew. */
static int head_read(const struct fs *fs, const char *path,
		     struct fs_recover_head *h, struct vsu_error *err)
{
	const ssize_t n = pread(fs->recover.fd, h, sizeof(*h), 0);

	if (n < 0)
		return not_opened(path, -errno, err);
	if (!n)
		return 0;
	if (n < (ssize_t)sizeof(*h) || memcmp(h->magic, MAGIC, sizeof(MAGIC)))
		return vsu_error_set(err, -EINVAL,
				     "fs: '%s' (recover) is something else, which is left alone; name another file",
				     path);
	return h->agreed != 0;
}

static int file_revive(struct fs *fs, const char *path,
		       struct fs_recover_head *h, struct vsu_error *err)
{
	struct fs_recover_head own;
	struct statx folder;
	int session = head_read(fs, path, h, err), rc;

	if (session < 0)
		return session;
	rc = virtdev_priv_fs_stat(fs->folder, "", &folder);
	if (rc < 0)
		return not_opened(path, rc, err);
	own = make_head(fs, &folder);
	if (session)
		rc = judge_session(fs, path, h, &own, err);
	if (rc < 0)
		return rc;
	if (!session)
		rc = file_begin(fs, &own);
	if (rc >= 0)
		rc = file_map(fs);
	if (rc >= 0 && session)
		rc = take_session(fs, h);
	return rc < 0 ? not_opened(path, rc, err) : 0;
}

int virtdev_priv_fs_revive(struct fs *fs, const char *path,
			   struct vsu_error *err)
{
	struct fs_recover_head head;
	int rc;

	lay_out(fs);
	rc = file_open(fs, path, err);
	return rc < 0 ? rc : file_revive(fs, path, &head, err);
}

void virtdev_priv_fs_recover_close(struct fs *fs)
{
	struct fs_recover *r = &fs->recover;

	if (r->map)
		munmap(r->map, (size_t)r->len);
	r->map = NULL;
	vsu_fd_close(&r->fd);
}
