/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The DAX window, which maps pages of files into guest memory. The driver maps and
 * unmaps it in chunks (map_alignment of FUSE_INIT). Remapping a chunk replaces the old
 * mapping atomically.
 *
 * A chunk is mapped up to the last page of its file, since pages beyond it are
 * inaccessible. If a file changes its size, its chunks change before the driver receives
 * the new size.
 *
 * Worker threads add changes that a queue's thread sends later (deferred_map.c). A
 * vhost-user front-end maps asynchronously and cannot replace a mapping. Unmapping first
 * would expose an unmapped chunk to other guest threads. Therefore:
 * - a growing file gets an additional piece behind the existing ones;
 * - a file that is not executable is mapped writable at once, since a later change from
 *   read-only to writable is a replacement.
 * A truncated file is unmapped nevertheless: the front-end may drop a mapping whose file
 * is too short, without notifying the driver.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/window/window.h"

/* The host's page size: its memory slots and mappings contain the whole last page of a file. */
static uint64_t page_size(void)
{
	return (uint64_t)getpagesize();
}

int virtdev_priv_fs_window_init(struct fs *fs)
{
	fs->nchunks = (uint32_t)(fs->config.window / FS_CHUNK);
	if (!fs->nchunks)
		return 0;
	fs->chunks = calloc(fs->nchunks, sizeof(*fs->chunks));
	fs->files = calloc(fs->nchunks, sizeof(*fs->files));
	return fs->chunks && fs->files ? virtdev_priv_fs_deferred_map_init(fs) : -ENOMEM;
}

void virtdev_priv_fs_window_fini(struct fs *fs)
{
	virtdev_priv_fs_deferred_map_fini(fs);
	free(fs->chunks);
	free(fs->files);
}

/* Bytes of a chunk that the file has pages for. */
static uint32_t len_of(uint64_t file_pos, uint64_t size)
{
	const uint64_t left = size > file_pos ? size - file_pos : 0, page = page_size();

	return left >= FS_CHUNK ? (uint32_t)FS_CHUNK
				: (uint32_t)((left + page - 1) & ~(page - 1));
}

/* Mapped bytes of the first npieces pieces. */
static uint32_t end_of(const struct fs_chunk *chunk, uint32_t npieces)
{
	return npieces ? chunk->ends[npieces - 1] * (uint32_t)page_size() : 0;
}

static uint32_t mapped_len(const struct fs_chunk *chunk)
{
	return end_of(chunk, chunk->npieces);
}

/* ---------------------------------------------------- with atomic replacement */

static int change_chunk(struct fs *fs, const struct fs_change *change)
{
	if (!virtdev_priv_fs_deferred_map_has_room(fs))
		return -EBUSY;
	virtdev_priv_fs_deferred_map_add(fs, change);
	return 0;
}

static void set_mapped(struct fs_chunk *chunk, uint64_t len)
{
	chunk->npieces = len != 0;
	chunk->missing = 0;
	chunk->ends[0] = (uint16_t)(len / page_size());
}

/* Does not unmap a chunk that the front-end refused to map. */
static int unmap_whole(struct fs *fs, uint32_t i)
{
	const struct fs_change change = {
		.offset = i * FS_CHUNK, .len = mapped_len(&fs->chunks[i]),
		.round = ++fs->chunks[i].round,
	};
	int rc = change.len && !fs->chunks[i].missing ?
		 change_chunk(fs, &change) : 0;

	if (rc >= 0)
		set_mapped(&fs->chunks[i], 0);
	return rc;
}

/* Unmaps the pages of a longer file beyond the first len bytes. */
static int unmap_tail(struct fs *fs, uint32_t i, uint64_t len)
{
	const struct fs_chunk *chunk = &fs->chunks[i];
	const struct fs_change change = {
		.offset = i * FS_CHUNK + len, .len = mapped_len(chunk) - len,
		.round = chunk->round + 1,
	};

	return mapped_len(chunk) > len && !chunk->missing ?
	       change_chunk(fs, &change) : 0;
}

static int map_whole(struct fs *fs, uint32_t i, const struct fs_piece *p)
{
	struct fs_chunk *chunk = &fs->chunks[i];
	const struct fs_change change = {
		.offset = i * FS_CHUNK, .len = len_of(p->file_pos, p->size),
		.fd_offset = p->file_pos, .file = p->file, .job = p->job,
		.writable = p->writable, .round = chunk->round + 1,
		.replaces = chunk->npieces && !chunk->missing,
	};
	int rc;

	if (!change.len)
		return unmap_whole(fs, i);
	rc = change_chunk(fs, &change);
	if (!rc)
		rc = unmap_tail(fs, i, change.len);
	if (rc != 0)
		return rc;
	chunk->former = (uint16_t)(mapped_len(chunk) / page_size());
	chunk->round++;
	set_mapped(chunk, change.len);
	return 0;
}

/* --------------------------------------------------------- deferred, by piece */

static void unmap_deferred(struct fs *fs, uint32_t i)
{
	struct fs_chunk *chunk = &fs->chunks[i];
	struct fs_change change = { .round = chunk->round };
	uint32_t piece;

	for (piece = 0; piece < chunk->npieces; piece++) {
		change.offset = i * FS_CHUNK + end_of(chunk, piece);
		change.len = end_of(chunk, piece + 1) - end_of(chunk, piece);
		if (!(chunk->missing & 1u << piece))
			virtdev_priv_fs_deferred_map_add(fs, &change);
	}
	chunk->npieces = chunk->missing = 0;
	chunk->round++;
}

/* Maps the file's new pages behind the existing pieces. */
static void extend_deferred(struct fs *fs, uint32_t i, const struct fs_piece *p)
{
	struct fs_chunk *chunk = &fs->chunks[i];
	const uint32_t from = mapped_len(chunk), to = len_of(p->file_pos, p->size);
	const struct fs_change change = {
		.offset = i * FS_CHUNK + from, .fd_offset = p->file_pos + from,
		.len = to - from, .file = p->file, .job = p->job,
		.round = chunk->round, .piece = chunk->npieces,
		.writable = p->writable,
	};

	if (to <= from)
		return;
	chunk->ends[chunk->npieces++] = (uint16_t)(to / page_size());
	virtdev_priv_fs_deferred_map_add(fs, &change);
}

static bool can_be_extended(const struct fs_chunk *chunk, const struct fs_piece *p)
{
	return chunk->npieces < FS_PIECES && !chunk->missing &&
	       chunk->node == p->node && chunk->file_pos == p->file_pos &&
	       len_of(p->file_pos, p->size) >= mapped_len(chunk) &&
	       (chunk->writable || !p->writable);
}

static int map_deferred(struct fs *fs, uint32_t i, struct fs_piece *p)
{
	if (!virtdev_priv_fs_deferred_map_has_room(fs))
		return -EBUSY;
	if (can_be_extended(&fs->chunks[i], p))
		p->writable = fs->chunks[i].writable;
	else
		unmap_deferred(fs, i);
	extend_deferred(fs, i, p);
	return 0;
}

/* --------------------------------------------------------------------- chunks */

static int chunk_unmap(struct fs *fs, uint32_t i)
{
	if (!virtdev_priv_fs_is_deferred(fs))
		return unmap_whole(fs, i);
	if (!virtdev_priv_fs_deferred_map_has_room(fs))
		return -EBUSY;
	unmap_deferred(fs, i);
	return 0;
}

/* node 0: none. */
static void set_node(struct fs *fs, struct fs_chunk *chunk, uint64_t node)
{
	if (chunk->node)
		virtdev_priv_fs_files_of(fs, chunk->node)->nmapped--;
	if (node)
		virtdev_priv_fs_files_of(fs, node)->nmapped++;
	chunk->node = node;
}

static int chunk_map(struct fs *fs, uint32_t i, struct fs_piece p)
{
	struct fs_chunk *chunk = &fs->chunks[i];
	int rc = virtdev_priv_fs_is_deferred(fs) ? map_deferred(fs, i, &p) : map_whole(fs, i, &p);

	if (rc < 0)
		return rc;
	set_node(fs, chunk, p.node);
	chunk->file_pos = p.file_pos;
	chunk->writable = p.writable;
	return 0;
}

static void chunk_free(struct fs *fs, uint32_t i)
{
	if (fs->chunks[i].node)
		__atomic_fetch_sub(&fs->nmapped, 1, __ATOMIC_RELAXED);
	set_node(fs, &fs->chunks[i], 0);
	fs->chunks[i] = (struct fs_chunk){ .round = fs->chunks[i].round,
					  .until = fs->chunks[i].until };
}

int virtdev_priv_fs_chunk_change(struct fs *fs, uint32_t i, const struct fs_piece *p)
{
	const bool is_new = !fs->chunks[i].node;
	int rc = p->file ? chunk_map(fs, i, *p) : chunk_unmap(fs, i);

	if (rc < 0)
		return rc;
	if (!p->file)
		chunk_free(fs, i);
	else if (is_new)
		__atomic_fetch_add(&fs->nmapped, 1, __ATOMIC_RELAXED);
	return 0;
}

void virtdev_priv_fs_window_forget(struct fs *fs)
{
	uint32_t i;

	virtdev_priv_fs_window_lock(fs);
	for (i = 0; i < fs->nchunks; i++)
		chunk_free(fs, i);
	virtdev_priv_fs_deferred_map_forget(fs);
	virtdev_priv_fs_window_unlock(fs);
}

struct fs_files *virtdev_priv_fs_files_of(const struct fs *fs, uint64_t node)
{
	return &fs->files[(uint32_t)node % fs->nchunks];
}

uint32_t virtdev_priv_fs_size_reports(struct fs *fs, uint64_t node)
{
	uint32_t n;

	virtdev_priv_fs_window_lock(fs);
	n = virtdev_priv_fs_files_of(fs, node)->reports;
	virtdev_priv_fs_window_unlock(fs);
	return n;
}

/* A file with a new size, opened read-only or writable as its chunks require. */
struct fit {
	struct fs_inode *inode;
	uint64_t size;
	unsigned int nreads;	/* of size, by this thread; 0: it may be old */
	uint32_t reports;	/* before the last of them */
	struct fs_window_file *files[2];	/* by writable; NULL: cannot open */
	bool tried[2];
};

/* If remapping fails, unmaps the chunk until the driver maps it again. */
static void chunk_fit(struct fs *fs, uint32_t i, const struct fit *f)
{
	const struct fs_chunk *chunk = &fs->chunks[i];
	const struct fs_piece p = {
		.node = chunk->node, .file_pos = chunk->file_pos,
		.size = f->size, .writable = chunk->writable,
		.file = f->files[chunk->writable],
	};

	if (!p.file || chunk_map(fs, i, p) < 0)
		(void)!chunk_unmap(fs, i);
}

/* Steps that a chunk requires; the first two are indices of files. */
enum fit_step { FIT_OPEN_READ_ONLY, FIT_OPEN_WRITABLE, FIT_READ_SIZE, FIT_CHANGE, FIT_NOTHING };

/* After FS_SIZE_READS a size that may be old still maps pages, but it unmaps none. */
static enum fit_step step_of(const struct fs *fs, const struct fs_chunk *chunk,
			     const struct fit *f)
{
	const uint32_t len = len_of(chunk->file_pos, f->size), mapped = mapped_len(chunk);
	const bool is_current = f->nreads &&
				virtdev_priv_fs_files_of(fs, chunk->node)->reports == f->reports;

	if (len == mapped)
		return FIT_NOTHING;
	if (!is_current && f->nreads < FS_SIZE_READS)
		return FIT_READ_SIZE;
	if (!is_current && len < mapped)
		return FIT_NOTHING;
	return f->tried[chunk->writable] ? FIT_CHANGE :
	       chunk->writable ? FIT_OPEN_WRITABLE : FIT_OPEN_READ_ONLY;
}

/* Stops at a chunk that requires a step without the lock; FIT_NOTHING: done. */
static enum fit_step fit_chunks(const struct fs_call *c, const struct fit *f)
{
	enum fit_step step;
	struct fs *fs = c->fs;
	const struct fs_chunk *chunk = fs->chunks;
	uint32_t i;

	for (i = 0; i < fs->nchunks; i++, chunk++) {
		if (chunk->node != f->inode->slot.id)
			continue;
		step = step_of(fs, chunk, f);
		if (step < FIT_CHANGE)
			return step;
		if (step == FIT_CHANGE)
			chunk_fit(fs, i, f);
		c->queue->waits_for_window |= chunk->until > fs->deferred.first;
	}
	return FIT_NOTHING;
}

/* After an error the size counts as old. */
static void read_size(struct fs *fs, struct fit *f)
{
	struct statx st;

	f->nreads++;
	f->reports = virtdev_priv_fs_size_reports(fs, f->inode->slot.id);
	if (virtdev_priv_fs_stat(f->inode->fd, "", &st) >= 0)
		f->size = st.stx_size;
	else
		f->reports--;
}

/* Reads the size and opens the file without the lock, as often as fit_chunks() requires. */
static void fit_all(const struct fs_call *c, struct fs_inode *inode,
		    uint64_t size)
{
	struct fs *fs = c->fs;
	struct fit f = { .inode = inode, .size = size };
	enum fit_step step;

	do {
		virtdev_priv_fs_window_lock(fs);
		step = fit_chunks(c, &f);
		if (step == FIT_NOTHING) {
			virtdev_priv_fs_window_file_put(f.files[false]);
			virtdev_priv_fs_window_file_put(f.files[true]);
		}
		virtdev_priv_fs_window_unlock(fs);
		if (step == FIT_READ_SIZE) {
			read_size(fs, &f);
		} else if (step != FIT_NOTHING) {
			f.tried[step] = true;
			(void)!virtdev_priv_fs_window_file_open(fs, inode,
								step == FIT_OPEN_WRITABLE,
								&f.files[step]);
		}
	} while (step != FIT_NOTHING);
}

/*
 * Whether chunks of the file may be mapped: only then is the whole window searched. Under
 * the lock, since SETUPMAPPING may run meanwhile.
 */
static bool report_size(struct fs *fs, uint64_t node)
{
	struct fs_files *files;
	bool is_mapped;

	if (!fs->nchunks)
		return false;
	virtdev_priv_fs_window_lock(fs);
	files = virtdev_priv_fs_files_of(fs, node);
	files->reports++;
	is_mapped = files->nmapped;
	virtdev_priv_fs_window_unlock(fs);
	return is_mapped;
}

void virtdev_priv_fs_window_fit(const struct fs_call *c, uint64_t node,
				uint64_t size)
{
	struct fs *fs = c->fs;
	struct fs_inode *inode;

	if (!report_size(fs, node))
		return;
	inode = virtdev_priv_fs_inode_get(fs, node);
	if (!inode)
		return;
	fit_all(c, inode, size);
	virtdev_priv_fs_inode_put(fs, inode);
}

void virtdev_priv_fs_window_fit_fd(const struct fs_call *c, uint64_t node, int fd)
{
	struct statx st;

	if (report_size(c->fs, node) &&
	    virtdev_priv_fs_stat(fd, "", &st) >= 0)
		virtdev_priv_fs_window_fit(c, node, st.stx_size);
}
