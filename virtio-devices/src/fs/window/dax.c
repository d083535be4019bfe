/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* SETUPMAPPING and REMOVEMAPPING (DAX). */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/checked.h>

#include "fs/window/window.h"

static const struct fs_piece nothing;

/* Aligned to a chunk and within the window. */
static bool is_in_window(const struct fs *fs, uint64_t offset, uint64_t len)
{
	return len && vsu_is_aligned(offset, FS_CHUNK) &&
	       !vsu_range_exceeds(offset, len, fs->config.window);
}

/* -EAGAIN: the size of the file is checked, and is not current. */
static int change_range(const struct fs_call *c, uint64_t offset, uint64_t len,
			struct fs_piece p, bool checks_size)
{
	struct fs *fs = c->fs;
	const uint64_t end = offset + len;
	int rc;

	c->queue->waits_for_window = true;
	virtdev_priv_fs_window_lock(fs);
	rc = checks_size && virtdev_priv_fs_files_of(fs, p.node)->reports != p.reports ?
	     -EAGAIN : 0;
	for (; rc >= 0 && offset < end; offset += FS_CHUNK) {
		rc = virtdev_priv_fs_chunk_change(fs, (uint32_t)(offset / FS_CHUNK), &p);
		p.file_pos += FS_CHUNK;
	}
	virtdev_priv_fs_window_unlock(fs);
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

/* Prefers a writable mapping if that avoids a later change (window.c). */
static int open_piece(const struct fs_call *c, const struct statx *st,
		      struct fs_piece *p)
{
	int rc = -EROFS;

	if (!p->writable && !c->fs->config.read_only &&
	    !(st->stx_mode & 0111) && virtdev_priv_fs_is_deferred(c->fs))
		rc = virtdev_priv_fs_window_file_open(c->fs, c->inode, true, &p->file);
	p->writable |= rc >= 0;
	return rc >= 0 ? rc : virtdev_priv_fs_window_file_open(c->fs, c->inode,
							       p->writable, &p->file);
}

static int read_size(const struct fs_call *c, struct fs_piece *p, struct statx *st)
{
	int rc;

	p->reports = virtdev_priv_fs_size_reports(c->fs, p->node);
	rc = virtdev_priv_fs_stat(c->inode->fd, "", st);
	if (rc >= 0)
		p->size = st->stx_size;
	return rc;
}

/* After FS_SIZE_READS the size may be old: then the mapping is adapted at the end. */
static int map_range(const struct fs_call *c, struct fs_piece *p, struct statx *st)
{
	const struct fuse_setupmapping_in *in = &c->arg.setup;
	unsigned int left = FS_SIZE_READS;
	int rc;

	while ((rc = change_range(c, in->moffset, in->len, *p, left)) == -EAGAIN) {
		left--;
		rc = read_size(c, p, st);
		if (rc < 0)
			return rc;
	}
	if (!left)
		virtdev_priv_fs_window_fit_fd(c, p->node, c->inode->fd);
	return rc;
}

int virtdev_priv_fs_setupmapping(struct fs_call *c)
{
	const struct fuse_setupmapping_in *in = &c->arg.setup;
	struct fs_piece p = {
		.node = c->in.nodeid, .file_pos = in->foffset,
		.writable = in->flags & FUSE_SETUPMAPPING_FLAG_WRITE,
		.job = c->queue->job,
	};
	struct statx st;
	int rc = check_setup(c, in);

	if (rc >= 0)
		rc = read_size(c, &p, &st);
	if (rc >= 0)
		rc = open_piece(c, &st, &p);
	if (rc < 0)
		return rc;
	rc = map_range(c, &p, &st);
	virtdev_priv_fs_window_file_close(c->fs, p.file);
	return rc;
}

int virtdev_priv_fs_removemapping(struct fs_call *c)
{
	uint64_t left = c->fs->config.window;	/* bounds the total: each chunk once */
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
		rc = change_range(c, one.moffset, one.len, nothing, false);
	}
	return rc;
}

/* A reset empties regions, FUSE_DESTROY does not. */
void virtdev_priv_fs_window_clear(const struct fs_call *c)
{
	if (c->fs->nchunks)
		change_range(c, 0, c->fs->config.window, nothing, false);
}
