/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of open files and directories. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <vmm-sys-util/event.h>

#include "fs/device/recover.h"
#include "fs/files/files.h"

/* FLUSH reports errors of writes and ends the owner's record locks. */
static bool needs_flush(const struct fs *fs, int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC || fs->config.posix_lock;
}

uint32_t virtdev_priv_fs_open_flags(const struct fs *fs, int flags)
{
	static const uint32_t caching[][2] = {
		[VIRTDEV_FS_CACHE_AUTO] = { 0, 0 },
		[VIRTDEV_FS_CACHE_ALWAYS] = {
			FOPEN_KEEP_CACHE, FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR },
		[VIRTDEV_FS_CACHE_NEVER] = { FOPEN_DIRECT_IO, 0 },
		[VIRTDEV_FS_CACHE_METADATA] = {
			FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR },
	};
	const bool folder = flags & O_DIRECTORY;

	return caching[fs->config.cache][folder] |
	       (folder || needs_flush(fs, flags) ? 0 : FOPEN_NOFLUSH);
}

/* Returns the descriptor to close after unlocking, or -1, and its closer. */
static int drop_use(struct fs *fs, struct fs_handle *handle,
		    struct vsu_closer **closer)
{
	const int fd = handle->fd;

	*closer = handle->closer;
	if (!virtdev_priv_fs_pool_put(&handle->slot))
		return -1;
	handle->fd = -1;
	pthread_mutex_destroy(&handle->position);
	pthread_rwlock_destroy(&handle->mode);
	virtdev_priv_fs_pool_free(&fs->handles, &handle->slot);
	return fd;
}

struct fs_handle *virtdev_priv_fs_handle_get(struct fs *fs, uint64_t id,
					     uint64_t node)
{
	struct fs_handle *handle;

	pthread_mutex_lock(&fs->lock);
	handle = virtdev_priv_fs_pool_get(&fs->handles, id);
	if (handle && handle->node != node) {
		virtdev_priv_fs_pool_put(&handle->slot);
		handle = NULL;
	}
	pthread_mutex_unlock(&fs->lock);
	return handle;
}

void virtdev_priv_fs_handle_put(struct fs *fs, struct fs_handle *handle)
{
	struct vsu_closer *closer;
	int fd;

	pthread_mutex_lock(&fs->lock);
	fd = drop_use(fs, handle, &closer);
	pthread_mutex_unlock(&fs->lock);
	virtdev_priv_fs_close(closer, &fd);
}

/* Completes a new handle and drops the creator's reference: no request uses it yet. */
static void handle_fill(struct fs *fs, struct fs_handle *handle, int fd,
			struct vsu_closer *closer, struct fs_open_record *o)
{
	handle->fd = fd;
	handle->closer = closer;
	handle->node = o->node;
	handle->next = 0;
	handle->folder = o->flags & O_DIRECTORY;
	handle->flocked = false;
	handle->flags = o->flags;
	handle->appends = o->flags & O_APPEND && fcntl(fd, F_GETFL) & O_APPEND;
	o->id = handle->slot.id;
	pthread_mutex_init(&handle->position, NULL);
	pthread_rwlock_init(&handle->mode, NULL);
	virtdev_priv_fs_recover_handle(fs, handle);
	virtdev_priv_fs_pool_put(&handle->slot);
}

/* Requires fs->lock. */
static void handle_retire(struct fs *fs, struct fs_handle *handle)
{
	virtdev_priv_fs_recover_drop(fs, &fs->recover.handles, handle->slot.id);
	handle->slot.live = false;
}

int virtdev_priv_fs_handle_add_take_fd(struct fs *fs, int fd,
				       struct vsu_closer *closer,
				       struct fs_open_record *o)
{
	int rc = virtdev_priv_fs_check_kept(fs, &fd, closer, 0);
	void *handle = NULL;

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&fs->lock);
	if (o->id)
		rc = virtdev_priv_fs_pool_insert(&fs->handles, o->id, &handle);
	else
		handle = virtdev_priv_fs_pool_alloc(&fs->handles);
	if (handle)
		handle_fill(fs, handle, fd, closer, o);
	pthread_mutex_unlock(&fs->lock);
	if (handle)
		return 0;
	virtdev_priv_fs_close(closer, &fd);
	return rc < 0 ? rc : -ENFILE;
}

void virtdev_priv_fs_handle_retire(struct fs *fs, struct fs_handle *handle)
{
	pthread_mutex_lock(&fs->lock);
	handle_retire(fs, handle);
	pthread_mutex_unlock(&fs->lock);
}

/* Unlocks for each close(), which may block on a server. */
bool virtdev_priv_fs_handles_forget(struct fs *fs, uint32_t *at, uint64_t until)
{
	struct vsu_closer *closer;
	struct fs_handle *handle;
	int fd;

	pthread_mutex_lock(&fs->lock);
	do {
		handle = virtdev_priv_fs_pool_next(&fs->handles, at);
		if (!handle)
			break;
		handle_retire(fs, handle);
		handle->slot.users++;
		fd = drop_use(fs, handle, &closer);
		pthread_mutex_unlock(&fs->lock);
		virtdev_priv_fs_close(closer, &fd);
		pthread_mutex_lock(&fs->lock);
	} while (vsu_now_ns() < until);
	pthread_mutex_unlock(&fs->lock);
	return handle;
}

int virtdev_priv_fs_handles_init(struct fs *fs)
{
	return virtdev_priv_fs_pool_init(&fs->handles, sizeof(struct fs_handle),
					 fs->config.handles);
}

void virtdev_priv_fs_handles_fini(struct fs *fs)
{
	uint32_t at = 0;

	if (fs->handles.reach)
		virtdev_priv_fs_handles_forget(fs, &at, UINT64_MAX);
	virtdev_priv_fs_pool_fini(&fs->handles);
}
