/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The window, in which the guest has pages of files as memory. The driver maps
 * and unmaps it in chunks (map_alignment of FUSE_INIT says so); a chunk that is
 * mapped anew shows the new file from one moment to the next.
 *
 * A chunk is mapped as far as its file has pages: further on nothing could be
 * had. Before the driver hears that a file has another length, its chunks have it.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "fs/fs_priv.h"

#define PAGE UINT64_C(4096)

/* A file in chunks of the window, from the first one on. */
struct piece {
	uint64_t node, file_pos, size;	/* size: of the whole file */
	int fd;			/* -1: nothing is to be there */
	bool writable;
};

int virtdev_priv_fs_window_init(struct fs *fs)
{
	fs->nchunks = (uint32_t)(fs->config.window / FS_CHUNK);
	if (!fs->nchunks)
		return 0;
	fs->chunks = calloc(fs->nchunks, sizeof(*fs->chunks));
	return fs->chunks ? 0 : -ENOMEM;
}

void virtdev_priv_fs_window_fini(struct fs *fs)
{
	free(fs->chunks);
}

/* Bytes of a chunk that the file has pages for. */
static uint32_t len_of(uint64_t file_pos, uint64_t size)
{
	const uint64_t left = size > file_pos ? size - file_pos : 0;

	return left >= FS_CHUNK ? (uint32_t)FS_CHUNK
				: (uint32_t)((left + PAGE - 1) & ~(PAGE - 1));
}

/* The home may have taken it away already. */
static int chunk_unmap(struct fs *fs, uint32_t i)
{
	const struct virtdev_mapping m = {
		.offset = i * FS_CHUNK, .len = fs->chunks[i].len,
		.region = FS_WINDOW_REGION, .fd = -1,
	};
	int rc = m.len ? virtdev_region_unmap(fs->dev, &m, 0) : 0;

	if (rc >= 0)
		fs->chunks[i].len = 0;
	return rc;
}

/* A home that maps later, behind a socket: nobody waits for it. */
static int refuse_later(struct fs *fs, const struct virtdev_mapping *m)
{
	int rc = virtdev_region_unmap(fs->dev, m, 0);

	return rc < 0 ? rc : -EOPNOTSUPP;
}

static int chunk_map(struct fs *fs, uint32_t i, const struct piece *p)
{
	struct fs_chunk *chunk = &fs->chunks[i];
	const struct virtdev_mapping m = {
		.offset = i * FS_CHUNK, .len = len_of(p->file_pos, p->size),
		.fd_offset = p->file_pos, .fd = p->fd,
		.region = FS_WINDOW_REGION, .writable = p->writable,
		.replaces = chunk->len,
	};
	int rc = m.len ? virtdev_region_map(fs->dev, &m, 0)
		       : chunk_unmap(fs, i);

	if (rc > 0)
		return refuse_later(fs, &m);
	if (rc < 0)
		return rc;
	chunk->len = (uint32_t)m.len;
	chunk->node = p->node;
	chunk->file_pos = p->file_pos;
	chunk->writable = p->writable;
	return 0;
}

static void chunk_free(struct fs *fs, uint32_t i)
{
	if (fs->chunks[i].node)
		__atomic_fetch_sub(&fs->nmapped, 1, __ATOMIC_RELAXED);
	fs->chunks[i] = (struct fs_chunk){ 0 };
}

static int chunk_change(struct fs *fs, uint32_t i, const struct piece *p)
{
	const bool is_new = !fs->chunks[i].node;
	int rc = p->fd < 0 ? chunk_unmap(fs, i) : chunk_map(fs, i, p);

	if (rc < 0)
		return rc;
	if (p->fd < 0)
		chunk_free(fs, i);
	else if (is_new)
		__atomic_fetch_add(&fs->nmapped, 1, __ATOMIC_RELAXED);
	return 0;
}

/* From the beginning of a chunk on, not beyond the window. */
static bool is_in_window(const struct fs *fs, uint64_t offset, uint64_t len)
{
	return len && vsu_is_aligned(offset, FS_CHUNK) &&
	       !vsu_range_exceeds(offset, len, fs->config.window);
}

static int change_range(struct fs *fs, uint64_t offset, uint64_t len,
			struct piece p)
{
	const uint64_t end = offset + len;
	int rc = 0;

	pthread_mutex_lock(&fs->window_lock);
	for (; rc >= 0 && offset < end; offset += FS_CHUNK) {
		rc = chunk_change(fs, (uint32_t)(offset / FS_CHUNK), &p);
		p.file_pos += FS_CHUNK;
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
	struct piece p = {
		.node = c->in.nodeid, .file_pos = in->foffset,
		.writable = in->flags & FUSE_SETUPMAPPING_FLAG_WRITE,
	};
	struct statx st;
	int rc = check_setup(c, in);

	if (rc >= 0)
		rc = virtdev_priv_fs_stat(c->inode->fd, "", &st);
	if (rc < 0)
		return rc;
	p.size = st.stx_size;
	p.fd = virtdev_priv_fs_reopen(c->fs, c->inode,
				      p.writable ? O_RDWR : O_RDONLY);
	if (p.fd < 0)
		return p.fd;
	rc = change_range(c->fs, in->moffset, in->len, p);
	vsu_fd_close(&p.fd);
	return rc;
}

int virtdev_priv_fs_removemapping(struct fs_call *c)
{
	const struct piece nothing = { .fd = -1 };
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
	const struct piece nothing = { .fd = -1 };

	if (fs->nchunks)
		change_range(fs, 0, fs->config.window, nothing);
}

void virtdev_priv_fs_window_forget(struct fs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nchunks; i++)
		chunk_free(fs, i);
}

/* A chunk that cannot be had any longer is empty until it is asked for anew. */
static void chunk_fit(struct fs *fs, uint32_t i, const struct fs_inode *inode,
		      uint64_t size)
{
	const struct fs_chunk *chunk = &fs->chunks[i];
	struct piece p = {
		.node = chunk->node, .file_pos = chunk->file_pos, .size = size,
		.writable = chunk->writable,
	};

	p.fd = virtdev_priv_fs_reopen(fs, inode,
				      p.writable ? O_RDWR : O_RDONLY);
	if (p.fd < 0 || chunk_map(fs, i, &p) < 0)
		(void)!chunk_unmap(fs, i);
	vsu_fd_close(&p.fd);
}

static void fit_all(struct fs *fs, const struct fs_inode *inode, uint64_t size)
{
	const struct fs_chunk *chunk = fs->chunks;
	uint32_t i;

	pthread_mutex_lock(&fs->window_lock);
	for (i = 0; i < fs->nchunks; i++, chunk++)
		if (chunk->node == inode->slot.id &&
		    chunk->len != len_of(chunk->file_pos, size))
			chunk_fit(fs, i, inode, size);
	pthread_mutex_unlock(&fs->window_lock);
}

void virtdev_priv_fs_window_fit(struct fs *fs, uint64_t node, uint64_t size)
{
	struct fs_inode *inode;

	if (!__atomic_load_n(&fs->nmapped, __ATOMIC_RELAXED))
		return;
	inode = virtdev_priv_fs_inode_get(fs, node);
	if (!inode)
		return;
	fit_all(fs, inode, size);
	virtdev_priv_fs_inode_put(fs, inode);
}

void virtdev_priv_fs_window_look(struct fs *fs, uint64_t node, int fd)
{
	struct statx st;

	if (__atomic_load_n(&fs->nmapped, __ATOMIC_RELAXED) &&
	    virtdev_priv_fs_stat(fd, "", &st) >= 0)
		virtdev_priv_fs_window_fit(fs, node, st.stx_size);
}
