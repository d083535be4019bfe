/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads the session of a crashed process from its recovery file. The file is untrusted:
 * each record is read once and validated; then its file is found in the shared directory
 * or counted as lost.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/session/session.h"

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
	     virtdev_priv_fs_path_open(fs, path) : -ENOENT;
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
	((struct fs_recover_head *)(void *)r->map)->generation = h->generation + 1;
	virtdev_priv_fs_count(fs, FS_LOST, lost);
	__atomic_store_n(&fs->agreed, h->agreed, __ATOMIC_RELEASE);
	fs->kept = true;
	return 0;
}

int virtdev_priv_fs_recover_load(struct fs *fs, const char *path,
				 struct vsu_error *err)
{
	struct fs_recover_head head;
	int rc = virtdev_priv_fs_recover_file_open(fs, path, &head, err);

	if (rc <= 0)
		return rc;
	rc = load_session(fs, &head);
	return rc < 0 ? virtdev_priv_fs_recover_file_error(path, rc, err) : 0;
}
