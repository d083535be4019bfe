/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The DAX window in a saved state: its guest address, and the file range of each mapped
 * chunk. A load maps the ranges again before the guest continues; the records of
 * consecutive chunks of one file become one mapping, as when the driver mapped them.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/checked.h>

#include "core/state_priv.h"
#include "fs/session/session.h"

/* Chunks mapped in one turn of a load. */
#define TURN_CHUNKS 1024u

struct chunk_record {
	uint32_t index;
	uint64_t node, file_pos;
	bool writable;
};

/* 0: the server does not report it. */
static uint64_t window_address(const struct fs *fs)
{
	uint64_t gpa;

	return fs->nchunks &&
	       !virtdev_region_address(fs->dev, FS_WINDOW_REGION, &gpa) ? gpa : 0;
}

/* A number of 0 ends the list, so numbers are indices plus 1. */
void virtdev_priv_fs_window_save(const struct fs *fs, struct virtdev_state_writer *w)
{
	const struct fs_chunk *chunk = fs->chunks;
	uint32_t i;

	virtdev_state_put_u64(w, window_address(fs));
	for (i = 0; i < fs->nchunks; i++, chunk++) {
		if (!chunk->node)
			continue;
		virtdev_state_put_u32(w, i + 1);
		virtdev_state_put_u64(w, chunk->node);
		virtdev_state_put_u64(w, chunk->file_pos);
		virtdev_state_put_u8(w, chunk->writable);
	}
	virtdev_state_put_u32(w, 0);
}

/* 1: read a record; 0: end of the list. */
static int get_chunk(struct virtdev_state_reader *r, struct chunk_record *c)
{
	c->index = virtdev_state_get_u32(r);
	if (!c->index--)
		return 0;
	c->node = virtdev_state_get_u64(r);
	c->file_pos = virtdev_state_get_u64(r);
	c->writable = virtdev_state_get_u8(r);
	return 1;
}

/* Indices ascend, which also bounds the list. */
static bool chunk_is_valid(const struct fs *fs, const struct chunk_record *c,
			   uint32_t first)
{
	return c->index >= first && c->index < fs->nchunks && c->node &&
	       vsu_is_aligned(c->file_pos, FS_CHUNK) &&
	       c->file_pos <= INT64_MAX - fs->config.window &&
	       !(c->writable && fs->config.read_only);
}

static int check_address(const struct fs *fs, uint64_t saved,
			 struct vsu_error *err)
{
	const uint64_t here = window_address(fs);

	if (saved && here && saved != here)
		return vsu_error_set(err, -EINVAL,
				     "fs: the saved DAX window is at 0x%" PRIx64 " of the guest, and this one at 0x%" PRIx64,
				     saved, here);
	return 0;
}

int virtdev_priv_fs_window_check(struct fs *fs, struct virtdev_state_reader *r,
				 struct vsu_error *err)
{
	const uint64_t saved = virtdev_state_get_u64(r);
	struct chunk_record c;
	uint32_t first = 0;

	for (; get_chunk(r, &c); first = c.index + 1)
		if (!chunk_is_valid(fs, &c, first))
			return vsu_error_set(err, -EBADMSG,
					     "fs: chunk %" PRIu32 " of the saved DAX window is invalid, or this window is smaller or read-only",
					     c.index);
	if (!first)
		return 0;
	virtdev_priv_fs_check_server(fs);
	if (virtdev_priv_fs_is_deferred(fs))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "fs: the saved device has DAX mappings, which a vhost-user device cannot load");
	return check_address(fs, saved, err);
}

static void close_file(struct fs *fs)
{
	virtdev_priv_fs_window_lock(fs);
	virtdev_priv_fs_window_file_put(fs->load.piece.file);
	virtdev_priv_fs_window_unlock(fs);
	fs->load.piece.file = NULL;
}

/* Whether the inode is lost, which was counted when it was restored. */
static bool open_file(struct fs *fs, const struct chunk_record *c)
{
	struct fs_inode *inode = virtdev_priv_fs_inode_get(fs, c->node);
	struct fs_piece *p = &fs->load.piece;
	struct statx st;
	int fd = -ENOENT;

	*p = (struct fs_piece){ .node = c->node, .writable = c->writable };
	if (!inode)
		return true;
	if (inode->type == S_IFREG && virtdev_priv_fs_stat(inode->fd, "", &st) >= 0)
		fd = virtdev_priv_fs_reopen(fs, inode,
					    c->writable ? O_RDWR : O_RDONLY);
	if (fd >= 0) {
		p->size = st.stx_size;
		p->file = virtdev_priv_fs_window_file_take_fd(fd,
				virtdev_priv_fs_closer(fs, inode, fd));
	}
	virtdev_priv_fs_inode_put(fs, inode);
	return false;
}

/* 1: its file cannot be opened any more, and the chunk stays empty. */
static int map_chunk(struct fs *fs, const struct chunk_record *c)
{
	struct fs_piece *p = &fs->load.piece;
	bool counted = false;
	int rc;

	if (!p->file || p->node != c->node || p->writable != c->writable) {
		close_file(fs);
		counted = open_file(fs, c);
	}
	if (!p->file)
		return !counted;
	p->file_pos = c->file_pos;
	virtdev_priv_fs_window_lock(fs);
	rc = virtdev_priv_fs_chunk_change(fs, c->index, p);
	virtdev_priv_fs_window_unlock(fs);
	return rc;
}

/* The server answers at once (virtdev_priv_fs_window_check()). */
static void send_changes(struct fs *fs)
{
	virtdev_priv_fs_window_lock(fs);
	while (fs->deferred.next < fs->deferred.last)
		virtdev_priv_fs_deferred_map_send(fs);
	virtdev_priv_fs_window_unlock(fs);
}

static bool is_complete(const struct fs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nchunks; i++)
		if (fs->chunks[i].missing)
			return false;
	return true;
}

int virtdev_priv_fs_window_load_turn(struct fs *fs, struct virtdev_state_reader *r)
{
	struct chunk_record c;
	int rc = 0, more = 1;
	unsigned int n;

	for (n = 0; rc >= 0 && more && n < TURN_CHUNKS; n++) {
		more = get_chunk(r, &c);
		rc = more ? map_chunk(fs, &c) : 0;
		fs->load.lost += rc > 0;
	}
	send_changes(fs);
	if (rc >= 0 && more)
		return 1;
	close_file(fs);
	return rc < 0 ? rc : is_complete(fs) ? 0 : -EIO;
}

void virtdev_priv_fs_window_load_stop(struct fs *fs)
{
	close_file(fs);
}
