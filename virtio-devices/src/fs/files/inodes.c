/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The inode table: a pool by nodeid, and a hash table by device and inode number that
 * detects known files. The root is never dropped.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "fs/device/recover.h"
#include "fs/files/files.h"

#define MIN_BUCKETS 64u

static uint32_t *bucket_of(struct fs *fs, uint64_t dev, uint64_t ino)
{
	const uint64_t mixed = (ino ^ dev << 32) * UINT64_C(0x9e3779b97f4a7c15);

	return &fs->buckets[(mixed >> 32) & (fs->nbuckets - 1)];
}

static struct fs_inode *inode_at(const struct fs *fs, uint32_t number)
{
	return (struct fs_inode *)(void *)
		(fs->inodes.slots + fs->inodes.size * (number - 1));
}

static bool is_file(const struct fs_inode *inode, const struct statx *st,
		    uint64_t dev)
{
	return inode->ino == st->stx_ino && inode->dev == dev &&
	       inode->mount == st->stx_mnt_id;
}

uint64_t virtdev_priv_fs_dev_of(const struct statx *st)
{
	return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

/* 0: not supported by the file system. */
uint64_t virtdev_priv_fs_btime_of(const struct statx *st)
{
	return st->stx_mask & STATX_BTIME ?
	       (uint64_t)st->stx_btime.tv_sec * UINT64_C(1000000000) +
	       st->stx_btime.tv_nsec : 0;
}

static struct fs_inode *inode_find(struct fs *fs, const struct statx *st,
				   const union fs_file_handle *file_handle)
{
	const uint64_t dev = virtdev_priv_fs_dev_of(st);
	uint32_t number = *bucket_of(fs, dev, st->stx_ino);
	struct fs_inode *inode;

	for (; number; number = inode->next) {
		inode = inode_at(fs, number);
		/* inode numbers are reused, file handles are not */
		if (is_file(inode, st, dev) &&
		    virtdev_priv_fs_file_handle_matches(&inode->file_handle, file_handle))
			return inode;
	}
	return NULL;
}

static void bucket_add(struct fs *fs, struct fs_inode *inode)
{
	uint32_t *bucket = bucket_of(fs, inode->dev, inode->ino);

	inode->next = *bucket;
	*bucket = (uint32_t)inode->slot.id;
}

static void bucket_remove(struct fs *fs, const struct fs_inode *inode)
{
	uint32_t *link = bucket_of(fs, inode->dev, inode->ino);

	while (*link && inode_at(fs, *link) != inode)
		link = &inode_at(fs, *link)->next;
	if (*link)
		*link = inode->next;
}

/* Invalidates the nodeid; the caller drops its reference. */
static void inode_retire(struct fs *fs, struct fs_inode *inode)
{
	if (!inode->slot.live)
		return;
	bucket_remove(fs, inode);
	virtdev_priv_fs_recover_drop(fs, &fs->recover.inodes, inode->slot.id);
	inode->slot.live = false;
	inode->lookups = 0;
}

/* Returns the descriptor to close after unlocking, or -1. */
static int drop_use(struct fs *fs, struct fs_inode *inode)
{
	const bool is_gone = virtdev_priv_fs_pool_put(&inode->slot);
	const int fd = inode->fd;

	if (!is_gone && (inode->slot.users || !inode->file_handle.handle.handle_bytes))
		return -1;
	inode->fd = -1;
	if (is_gone)
		virtdev_priv_fs_pool_free(&fs->inodes, &inode->slot);
	return fd;
}

/* Keeps the descriptor of another thread that reopened the file meanwhile. */
static struct fs_inode *open_again(struct fs *fs, struct fs_inode *inode)
{
	int fd = virtdev_priv_fs_file_handle_open(fs, inode->mount, &inode->file_handle);

	if (fd < 0) {
		virtdev_priv_fs_inode_put(fs, inode);
		return NULL;
	}
	pthread_mutex_lock(&fs->lock);
	if (inode->fd < 0) {
		inode->fd = fd;
		fd = -1;
	}
	pthread_mutex_unlock(&fs->lock);
	vsu_fd_close(&fd);
	return inode;
}

struct fs_inode *virtdev_priv_fs_inode_get(struct fs *fs, uint64_t id)
{
	struct fs_inode *inode;
	bool is_closed;

	pthread_mutex_lock(&fs->lock);
	inode = virtdev_priv_fs_pool_get(&fs->inodes, id);
	is_closed = inode && inode->fd < 0;
	pthread_mutex_unlock(&fs->lock);
	return is_closed ? open_again(fs, inode) : inode;
}

void virtdev_priv_fs_inode_put(struct fs *fs, struct fs_inode *inode)
{
	int fd;

	pthread_mutex_lock(&fs->lock);
	fd = drop_use(fs, inode);
	pthread_mutex_unlock(&fs->lock);
	vsu_fd_close(&fd);
}

/* Moves *fd to the inode. */
static void inode_fill(struct fs *fs, struct fs_inode *inode, int *fd,
		       const struct statx *st, const union fs_file_handle *file_handle)
{
	inode->fd = *fd;
	*fd = -1;
	inode->file_handle = *file_handle;
	inode->type = st->stx_mode & S_IFMT;
	inode->dev = virtdev_priv_fs_dev_of(st);
	inode->ino = st->stx_ino;
	inode->btime = virtdev_priv_fs_btime_of(st);
	inode->mount = st->stx_mnt_id;
	inode->served = FS_SERVED_UNKNOWN;
	inode->automounts = FS_AUTOMOUNTS_UNKNOWN;
	inode->spelling = inode->dev == fs->folder_dev ? fs->folder_names.spelling : FS_SPELLING_UNKNOWN;
	inode->rules = 0;
	inode->lookups = 0;
	bucket_add(fs, inode);
}

static struct fs_inode *inode_add(struct fs *fs, int *fd, const struct statx *st,
				  const union fs_file_handle *file_handle)
{
	struct fs_inode *inode = virtdev_priv_fs_pool_alloc(&fs->inodes);

	if (inode)
		inode_fill(fs, inode, fd, st, file_handle);
	return inode;
}

/* The first lookup writes the whole recovery record. */
static void inode_count(struct fs *fs, struct fs_inode *inode, uint64_t lookups)
{
	const bool is_new = !inode->lookups;

	inode->lookups = lookups;
	if (is_new)
		virtdev_priv_fs_recover_inode(fs, inode);
	else
		virtdev_priv_fs_recover_lookups(fs, inode);
}

/* With file handles the table may exceed the limit of open files. */
static int check_kept(const struct fs *fs, int *fd)
{
	return virtdev_priv_fs_check_kept(fs, fd, NULL,
		fs->config.file_handles ? fs->config.handles : 0);
}

/* Adds an inode; its descriptor is closed if it has a file handle. */
static struct fs_inode *inode_new(struct fs *fs, int *fd,
				  const struct statx *st,
				  const union fs_file_handle *file_handle)
{
	struct fs_inode *inode;

	if (!file_handle->handle.handle_bytes && check_kept(fs, fd) < 0)
		return NULL;
	inode = inode_add(fs, fd, st, file_handle);
	if (inode)
		*fd = drop_use(fs, inode);
	return inode;
}

int virtdev_priv_fs_inode_lookup_take_fd(struct fs *fs, int fd, const struct statx *st,
					 uint32_t rules, uint64_t *id)
{
	struct fs_inode *inode;
	union fs_file_handle file_handle;
	int rc = virtdev_priv_fs_file_handle_read(fs, fd, st, &file_handle);

	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	pthread_mutex_lock(&fs->lock);
	inode = inode_find(fs, st, &file_handle);
	if (!inode)
		inode = inode_new(fs, &fd, st, &file_handle);
	if (inode) {
		if (rules)
			__atomic_store_n(&inode->rules, rules, __ATOMIC_RELAXED);
		inode_count(fs, inode, inode->lookups + 1);
		*id = inode->slot.id;
	}
	pthread_mutex_unlock(&fs->lock);
	vsu_fd_close(&fd);
	return inode ? 0 : -ENFILE;
}

uint64_t virtdev_priv_fs_inode_known(struct fs *fs, const struct statx *st)
{
	const union fs_file_handle any = { .handle.handle_bytes = 0 };
	const struct fs_inode *inode;
	uint64_t id;

	pthread_mutex_lock(&fs->lock);
	inode = inode_find(fs, st, &any);
	id = inode ? inode->slot.id : 0;
	pthread_mutex_unlock(&fs->lock);
	return id;
}

int virtdev_priv_fs_inode_dup(struct fs *fs, uint64_t id)
{
	struct fs_inode *inode = virtdev_priv_fs_inode_get(fs, id);
	int fd;

	if (!inode)
		return -ESTALE;
	fd = vsu_fd_dup(inode->fd);
	virtdev_priv_fs_inode_put(fs, inode);
	return fd;
}

void virtdev_priv_fs_inode_renumber(struct fs *fs, uint64_t id, const struct statx *st)
{
	const uint64_t dev = virtdev_priv_fs_dev_of(st);
	struct fs_inode *inode;
	int fd = -1;

	pthread_mutex_lock(&fs->lock);
	inode = virtdev_priv_fs_pool_get(&fs->inodes, id);
	if (inode && (inode->ino != st->stx_ino || inode->dev != dev)) {
		bucket_remove(fs, inode);
		inode->dev = dev;
		inode->ino = st->stx_ino;
		bucket_add(fs, inode);
		virtdev_priv_fs_recover_number(fs, inode);
	}
	if (inode)
		fd = drop_use(fs, inode);
	pthread_mutex_unlock(&fs->lock);
	vsu_fd_close(&fd);
}

int virtdev_priv_fs_inode_insert_take_fd(struct fs *fs, uint64_t id,
					 uint64_t lookups, int fd,
					 const struct fs_identity *identity)
{
	struct fs_inode *inode;
	void *slot;
	int rc = identity->file_handle.handle.handle_bytes ? 0 :
		 check_kept(fs, &fd);

	pthread_mutex_lock(&fs->lock);
	if (rc >= 0)
		rc = virtdev_priv_fs_pool_insert(&fs->inodes, id, &slot);
	if (rc >= 0) {
		inode = slot;
		inode_fill(fs, inode, &fd, &identity->st, &identity->file_handle);
		inode_count(fs, inode, lookups);
		fd = drop_use(fs, inode);
	}
	pthread_mutex_unlock(&fs->lock);
	vsu_fd_close(&fd);
	return rc;
}

void virtdev_priv_fs_inode_forget(struct fs *fs, uint64_t id, uint64_t times)
{
	struct fs_inode *inode;
	int fd = -1;

	pthread_mutex_lock(&fs->lock);
	inode = virtdev_priv_fs_pool_get(&fs->inodes, id);
	if (inode) {
		inode_count(fs, inode, inode->lookups -
			    (times < inode->lookups ? times : inode->lookups));
		if (!inode->lookups && id != FUSE_ROOT_ID)
			inode_retire(fs, inode);
		fd = drop_use(fs, inode);
	}
	pthread_mutex_unlock(&fs->lock);
	vsu_fd_close(&fd);
}

bool virtdev_priv_fs_inodes_forget(struct fs *fs, uint32_t *at, uint64_t until)
{
	struct fs_inode *inode;
	int fd;

	*at += !*at;	/* skips the root */
	pthread_mutex_lock(&fs->lock);
	do {
		inode = fs->inodes.taken > 1 ?
			virtdev_priv_fs_pool_next(&fs->inodes, at) : NULL;
		if (!inode)
			break;
		inode->slot.users++;
		inode_retire(fs, inode);
		fd = drop_use(fs, inode);
		pthread_mutex_unlock(&fs->lock);
		vsu_fd_close(&fd);
		pthread_mutex_lock(&fs->lock);
	} while (vsu_now_ns() < until);
	pthread_mutex_unlock(&fs->lock);
	return inode;
}

/*
 * The first ID of the pool is FUSE_ROOT_ID; its descriptor is fs->folder. Fails if file
 * handles are mandatory but not available.
 */
static int add_root(struct fs *fs)
{
	union fs_file_handle file_handle;
	struct statx st;
	int rc = virtdev_priv_fs_stat_mount(fs, fs->folder, "", &st), fd = fs->folder;

	if (rc >= 0)
		virtdev_priv_fs_served_init(fs, virtdev_priv_fs_dev_of(&st));
	if (rc >= 0)
		rc = virtdev_priv_fs_file_handle_read(fs, fs->folder, &st, &file_handle);
	if (rc < 0)
		return rc;
	file_handle.handle.handle_bytes = 0;
	return inode_add(fs, &fd, &st, &file_handle) ? 0 : -ENFILE;
}

int virtdev_priv_fs_inodes_init(struct fs *fs)
{
	int rc = virtdev_priv_fs_pool_init(&fs->inodes, sizeof(struct fs_inode),
					   fs->config.inodes);

	if (rc < 0)
		return rc;
	fs->nbuckets = MIN_BUCKETS;
	while (fs->nbuckets < fs->config.inodes)
		fs->nbuckets *= 2;
	fs->buckets = calloc(fs->nbuckets, sizeof(*fs->buckets));
	return fs->buckets ? add_root(fs) : -ENOMEM;
}

void virtdev_priv_fs_inodes_fini(struct fs *fs)
{
	uint32_t at = 0;

	if (fs->inodes.reach)
		virtdev_priv_fs_inodes_forget(fs, &at, UINT64_MAX);
	virtdev_priv_fs_pool_fini(&fs->inodes);
	free(fs->buckets);
}
