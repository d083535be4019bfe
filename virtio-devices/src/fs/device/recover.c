/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A record's ID is stored last and cleared first, and mutable fields change by a single
 * store: a process killed at any instruction leaves the old record, the new one or none.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/device/recover.h"

/* Bytes allocated by one fallocate(). */
#define STEP (UINT64_C(256) << 10)

/* The record of that ID; NULL: its blocks are not allocated. */
static void *record_of(const struct fs *fs, const struct fs_recover_table *t,
		       uint64_t id)
{
	const uint64_t at = t->at + (uint64_t)t->size * ((uint32_t)id - 1);

	return fs_recover_map(&fs->recover) && (uint32_t)id - 1 < t->max &&
	       at + t->size <= t->ready ? fs->recover.map + at : NULL;
}

/* Detects truncation: fallocate() would extend the file and hide it. */
static bool is_whole(struct fs_recover *r)
{
	struct stat st;

	if (fstat(r->fd, &st) == 0 && (uint64_t)st.st_size >= r->len)
		return true;
	__atomic_store_n(&r->shrank, true, __ATOMIC_RELAXED);
	return false;
}

/* Without allocated blocks a store could raise SIGBUS. */
int virtdev_priv_fs_recover_reserve(struct fs *fs, struct fs_recover_table *t,
				    uint64_t up_to)
{
	uint64_t end = t->ready;

	if (up_to <= t->ready)
		return 0;
	if (up_to > t->end)
		return -EINVAL;
	if (!is_whole(&fs->recover))
		return -EIO;
	end = up_to - t->ready < STEP ? t->ready + STEP : up_to;
	end = end > t->end ? t->end : end;
	if (fallocate(fs->recover.fd, 0, (off_t)t->ready,
		      (off_t)(end - t->ready)) < 0)
		return -errno;
	t->ready = end;
	return 0;
}

/* As record_of(), and allocates blocks. */
static void *record_need(struct fs *fs, struct fs_recover_table *t, uint64_t id)
{
	if (!fs_recover_map(&fs->recover) || fs->recover.loading ||
	    virtdev_priv_fs_recover_reserve(fs, t, t->at + (uint64_t)t->size * (uint32_t)id) < 0)
		return NULL;
	return record_of(fs, t, id);
}

/* Also for an ID without a record: the replacement process must not use it again. */
static void note_generations(const struct fs *fs)
{
	struct fs_recover_head *h = fs_recover_head_of(&fs->recover);

	if (!fs_recover_map(&fs->recover) || fs->recover.loading)
		return;
	__atomic_store_n(&h->highest[0], fs->inodes.highest, __ATOMIC_RELEASE);
	__atomic_store_n(&h->highest[1], fs->handles.highest, __ATOMIC_RELEASE);
}

/* Up to these slots a load allocates the tables. */
static void note_reach(const struct fs *fs)
{
	struct fs_recover_head *h = fs_recover_head_of(&fs->recover);

	h->reach[0] = fs->inodes.reach;
	__atomic_store_n(&h->reach[1], fs->handles.reach, __ATOMIC_RELEASE);
}

/* Begins a record: clears the ID, its first field. Pairs with the store of the ID. */
static void *record_begin(struct fs *fs, struct fs_recover_table *t, uint64_t id)
{
	uint64_t *r = record_need(fs, t, id);

	note_generations(fs);
	if (!r)
		return NULL;
	note_reach(fs);
	__atomic_store_n(r, 0, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return r;
}

void virtdev_priv_fs_recover_drop(struct fs *fs, const struct fs_recover_table *t,
				  uint64_t id)
{
	uint64_t *r = fs->recover.loading ? NULL : record_of(fs, t, id);

	if (r)
		__atomic_store_n(r, 0, __ATOMIC_RELEASE);
}

void virtdev_priv_fs_recover_agreed(struct fs *fs, uint64_t agreed)
{
	if (fs_recover_map(&fs->recover) && !fs->recover.loading)
		__atomic_store_n(&fs_recover_head_of(&fs->recover)->agreed, agreed,
				 __ATOMIC_RELEASE);
}

void virtdev_priv_fs_recover_inode(struct fs *fs, const struct fs_inode *inode)
{
	struct fs_recover_inode_record *r = record_begin(fs, &fs->recover.inodes,
			inode->slot.id);

	if (!r)
		return;
	r->lookups = inode->lookups;
	r->dev = inode->dev;
	r->ino = inode->ino;
	r->btime = inode->btime;
	r->type = inode->type;
	r->file_handle = inode->file_handle;
	r->which = 0;
	__atomic_store_n(&r->id, inode->slot.id, __ATOMIC_RELEASE);
}

void virtdev_priv_fs_recover_number(struct fs *fs, const struct fs_inode *inode)
{
	struct fs_recover_inode_record *r = record_of(fs, &fs->recover.inodes, inode->slot.id);

	if (!r || fs->recover.loading)
		return;
	__atomic_store_n(&r->dev, inode->dev, __ATOMIC_RELEASE);
	__atomic_store_n(&r->ino, inode->ino, __ATOMIC_RELEASE);
}

void virtdev_priv_fs_recover_lookups(struct fs *fs, const struct fs_inode *inode)
{
	struct fs_recover_inode_record *r = record_of(fs, &fs->recover.inodes,
					   inode->slot.id);

	if (r && !fs->recover.loading)
		__atomic_store_n(&r->lookups, inode->lookups,
				 __ATOMIC_RELEASE);
}

static bool is_dentry(const struct fs_recover_dentry *p, uint64_t parent, const char *name)
{
	return p->parent == parent &&
	       !strncmp(p->name, name, sizeof(p->name));
}

/* Fills the unused dentry; returns its value for which. */
static uint32_t dentry_fill(struct fs_recover_inode_record *r, uint64_t parent,
			   const char *name)
{
	const uint32_t other = r->which && !fs_recover_current_dentry(r->which);
	struct fs_recover_dentry *p = &r->dentries[other];

	p->parent = parent;
	memset(p->name, 0, sizeof(p->name));
	memcpy(p->name, name, strnlen(name, FS_NAME_MAX));
	return other + 1;
}

/* Requires fs->lock. NULL: no record, or the root. */
static struct fs_recover_inode_record *kept_inode(const struct fs *fs,
						  uint64_t id)
{
	struct fs_recover_inode_record *r = (uint32_t)id == FUSE_ROOT_ID ? NULL :
		record_of(fs, &fs->recover.inodes, id);

	return r && r->id == id ? r : NULL;
}

static void which_set(struct fs_recover_inode_record *r, uint32_t which)
{
	__atomic_store_n(&r->which, which, __ATOMIC_RELEASE);
}

void virtdev_priv_fs_recover_set_dentry(struct fs *fs, uint64_t id, uint64_t parent,
					const char *name)
{
	struct fs_recover_inode_record *r;

	if (!fs_recover_map(&fs->recover))
		return;
	pthread_mutex_lock(&fs->lock);
	r = kept_inode(fs, id);
	if (r && (!r->which ||
		  !is_dentry(&r->dentries[fs_recover_current_dentry(r->which)], parent,
			    name)))
		which_set(r, dentry_fill(r, parent, name));
	pthread_mutex_unlock(&fs->lock);
}

void virtdev_priv_fs_recover_rename_begin(struct fs *fs, uint64_t id, uint64_t parent,
					  const char *name)
{
	struct fs_recover_inode_record *r;

	pthread_mutex_lock(&fs->lock);
	r = kept_inode(fs, id);
	if (r && r->which) {
		which_set(r, fs_recover_current_dentry(r->which) + 1);
		which_set(r, 5 - dentry_fill(r, parent, name));
	}
	pthread_mutex_unlock(&fs->lock);
}

void virtdev_priv_fs_recover_rename_end(struct fs *fs, uint64_t id, bool is_there)
{
	struct fs_recover_inode_record *r;

	pthread_mutex_lock(&fs->lock);
	r = kept_inode(fs, id);
	if (r && r->which > 2)
		which_set(r, (fs_recover_current_dentry(r->which) ^ is_there) + 1);
	pthread_mutex_unlock(&fs->lock);
}

void virtdev_priv_fs_recover_handle(struct fs *fs,
				    const struct fs_handle *handle)
{
	struct fs_recover_handle_record *r = record_begin(fs, &fs->recover.handles,
			handle->slot.id);

	if (!r)
		return;
	r->node = handle->node;
	r->flags = handle->flags & (uint32_t)FS_OPEN_AGAIN;
	__atomic_store_n(&r->id, handle->slot.id, __ATOMIC_RELEASE);
}
