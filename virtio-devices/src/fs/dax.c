/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The window, in which the guest has pages of files as memory. The driver maps
 * and unmaps it in chunks (map_alignment of FUSE_INIT says so); a chunk that is
 * mapped anew shows the new file from one moment to the next.
 *
 * A chunk may reach beyond the end of its file, which the driver knows and
 * keeps away from, until the file has grown.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "fs/fs_priv.h"

/* One chunk of the window, or the file's piece in it. */
struct chunk_change {
	uint32_t chunk;
	int fd;			/* -1: nothing is to be there */
	uint64_t file_pos;
	bool writable;
};

int virtdev_priv_fs_window_init(struct fs *fs)
{
	fs->nchunks = (uint32_t)(fs->config.window / FS_CHUNK);
	if (!fs->nchunks)
		return 0;
	fs->mapped = calloc(fs->nchunks, sizeof(*fs->mapped));
	return fs->mapped ? 0 : -ENOMEM;
}

void virtdev_priv_fs_window_fini(struct fs *fs)
{
	free(fs->mapped);
}

static int chunk_unmap(struct fs *fs, uint32_t chunk)
{
	const struct virtdev_mapping m = {
		.offset = chunk * FS_CHUNK, .len = FS_CHUNK,
		.region = FS_WINDOW_REGION, .fd = -1,
	};
	int rc = virtdev_region_unmap(fs->dev, &m, 0);

	if (rc >= 0)
		fs->mapped[chunk] = false;
	return rc;
}

static int chunk_map(struct fs *fs, const struct chunk_change *change)
{
	const struct virtdev_mapping m = {
		.offset = change->chunk * FS_CHUNK, .len = FS_CHUNK,
		.fd_offset = change->file_pos, .fd = change->fd,
		.region = FS_WINDOW_REGION, .writable = change->writable,
		.open_end = true, .replaces = fs->mapped[change->chunk],
	};
	int rc = virtdev_region_map(fs->dev, &m, 0);

	if (rc >= 0)
		fs->mapped[change->chunk] = true;
	return rc;
}

static int chunk_change(struct fs *fs, const struct chunk_change *change)
{
	int rc;

	if (change->fd >= 0)
		rc = chunk_map(fs, change);
	else
		rc = fs->mapped[change->chunk] ? chunk_unmap(fs, change->chunk)
					       : 0;
	return rc;
}

/* From the beginning of a chunk on, not beyond the window. */
static bool is_in_window(const struct fs *fs, uint64_t offset, uint64_t len)
{
	return len && vsu_is_aligned(offset, FS_CHUNK) &&
	       !vsu_range_exceeds(offset, len, fs->config.window);
}

static int change_range(struct fs *fs, uint64_t offset, uint64_t len,
			struct chunk_change change)
{
	const uint64_t end = offset + len;
	int rc = 0;

	pthread_mutex_lock(&fs->window_lock);
	for (; rc >= 0 && offset < end; offset += FS_CHUNK) {
		change.chunk = (uint32_t)(offset / FS_CHUNK);
		rc = chunk_change(fs, &change);
		change.file_pos += FS_CHUNK;
	}
	pthread_mutex_unlock(&fs->window_lock);
	return rc;
}

static int check_setup(const struct fs_call *c,
		       const struct fuse_setupmapping_in *in)
{
	if (!is_in_window(c->fs, in->moffset, in->len) ||
	    !vsu_is_aligned(in->foffset, FS_CHUNK) ||
	    in->foffset > INT64_MAX - c->fs->config.window)
		return -EINVAL;
	if (c->inode->type != S_IFREG)
		return -EBADF;
	return in->flags & FUSE_SETUPMAPPING_FLAG_WRITE &&
	       c->fs->config.read_only ? -EROFS : 0;
}

int virtdev_priv_fs_setupmapping(struct fs_call *c)
{
	const struct fuse_setupmapping_in *in = &c->arg.setup;
	struct chunk_change change = {
		.file_pos = in->foffset,
		.writable = in->flags & FUSE_SETUPMAPPING_FLAG_WRITE,
	};
	int rc = check_setup(c, in);

	if (rc < 0)
		return rc;
	change.fd = virtdev_priv_fs_reopen(c->fs, c->inode,
					   change.writable ? O_RDWR : O_RDONLY);
	if (change.fd < 0)
		return change.fd;
	rc = change_range(c->fs, in->moffset, in->len, change);
	vsu_fd_close(&change.fd);
	return rc;
}

int virtdev_priv_fs_removemapping(struct fs_call *c)
{
	const struct chunk_change nothing = { .fd = -1 };
	uint64_t left = c->fs->config.window;	/* no chunk need come twice */
	uint32_t n = c->arg.remove.count;
	struct fuse_removemapping_one one;
	int rc = 0;

	if (n > c->fs->nchunks || n > c->left / sizeof(one))
		return -EINVAL;
	while (rc >= 0 && n-- && vq_cursor_read_obj(&c->from, &one)) {
		if (!is_in_window(c->fs, one.moffset, one.len) ||
		    one.len > left)
			return -EINVAL;
		left -= one.len;
		rc = change_range(c->fs, one.moffset, one.len, nothing);
	}
	return rc;
}

/* Regions are empty by themselves after a reset, not after FUSE_DESTROY. */
void virtdev_priv_fs_window_clear(struct fs *fs)
{
	const struct chunk_change nothing = { .fd = -1 };

	if (fs->nchunks)
		change_range(fs, 0, fs->config.window, nothing);
}

void virtdev_priv_fs_window_forget(struct fs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nchunks; i++)
		fs->mapped[i] = false;
}
