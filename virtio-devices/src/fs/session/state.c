/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Saved state of a session: the negotiated flags, a list of inodes, a list of open
 * handles, and since version 2 the DAX window, each terminated by ID 0. An inode has its
 * path relative to the shared directory and, if configured, its file handle. The file
 * handle detects that another file has the path, and finds a renamed file.
 *
 * The window is saved by its guest address, and the file range of each mapped chunk. A
 * load maps the ranges again before the guest continues; the records of consecutive
 * chunks of one file become one mapping, as when the driver mapped them.
 *
 * The state is untrusted input: IDs are checked against the limits of this device.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/checked.h>

#include "core/state_priv.h"
#include "fs/session/session.h"

/* ------------------------------------------------------------------- window */

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
static void window_save(const struct fs *fs, struct virtdev_state_writer *w)
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

static int window_check(struct fs *fs, struct virtdev_state_reader *r,
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
	virtdev_priv_fs_window_file_close(fs, fs->load.piece.file);
	fs->load.piece.file = NULL;
}

/* Whether the inode is lost, which was counted when it was restored. */
static bool open_file(struct fs *fs, const struct chunk_record *c)
{
	struct fs_inode *inode = virtdev_priv_fs_inode_get(fs, c->node);
	struct fs_piece *p = &fs->load.piece;
	struct statx st;

	*p = (struct fs_piece){ .node = c->node, .writable = c->writable };
	if (!inode)
		return true;
	if (inode->type == S_IFREG && virtdev_priv_fs_stat(inode->fd, "", &st) >= 0 &&
	    virtdev_priv_fs_window_file_open(fs, inode, c->writable, &p->file) >= 0)
		p->size = st.stx_size;
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

/* The server answers at once (window_check()). */
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

static int load_window(struct fs *fs, struct virtdev_state_reader *r)
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

/* -------------------------------------------------------------------- saved */

static void put_path(struct fs *fs, uint64_t id, struct virtdev_state_writer *w)
{
	struct fs_inode *inode = virtdev_priv_fs_inode_get(fs, id);
	char path[PATH_MAX];
	int len = -ENOENT;

	if (inode) {
		len = virtdev_priv_fs_path_read(fs, inode->fd, path);
		virtdev_priv_fs_inode_put(fs, inode);
	}
	len = len < 0 ? 0 : len;
	virtdev_state_put_u16(w, (uint16_t)len);
	virtdev_state_put_bytes(w, path, (size_t)len);
}

static void put_file(struct fs *fs, const struct fs_inode *inode,
		     struct virtdev_state_writer *w)
{
	const struct file_handle *handle = &inode->file_handle.handle;

	virtdev_state_put_u64(w, inode->slot.id);
	virtdev_state_put_u64(w, inode->lookups);
	virtdev_state_put_u32(w, inode->type);
	virtdev_state_put_u8(w, (uint8_t)handle->handle_bytes);
	virtdev_state_put_u32(w, (uint32_t)handle->handle_type);
	virtdev_state_put_bytes(w, handle->f_handle, handle->handle_bytes);
	put_path(fs, inode->slot.id, w);
}

static void put_files(struct fs *fs, struct virtdev_state_writer *w)
{
	const struct fs_inode *inode;
	uint32_t at = 1;	/* skips the root */

	virtdev_state_put_u32(w, fs->inodes.highest);
	while (!w->out.error &&
	       (inode = virtdev_priv_fs_pool_next(&fs->inodes, &at)))
		put_file(fs, inode, w);
	virtdev_state_put_u64(w, 0);
}

static void put_opened(struct fs *fs, struct virtdev_state_writer *w)
{
	const struct fs_handle *handle;
	uint32_t at = 0;

	virtdev_state_put_u32(w, fs->handles.highest);
	while ((handle = virtdev_priv_fs_pool_next(&fs->handles, &at))) {
		if (handle->flocked)
			virtdev_state_refuse(w, -EOPNOTSUPP,
					     "fs: the guest holds a file lock (flock) that applies to the host and cannot be migrated; unlock the file in the guest first");
		virtdev_state_put_u64(w, handle->slot.id);
		virtdev_state_put_u64(w, handle->node);
		virtdev_state_put_u32(w, handle->flags & (uint32_t)FS_OPEN_AGAIN);
	}
	virtdev_state_put_u64(w, 0);
}

/* Requires no lock: no queue runs. */
void virtdev_priv_fs_state_save(void *self, struct virtdev_state_writer *w)
{
	struct fs *fs = self;
	const uint64_t agreed = __atomic_load_n(&fs->agreed, __ATOMIC_ACQUIRE);

	if (fs->owners.nrecords)
		virtdev_state_refuse(w, -EOPNOTSUPP,
				     "fs: the guest holds a record lock (fcntl) that applies to the host and cannot be migrated; unlock the file in the guest first");
	if (__atomic_load_n(&fs->nmapped, __ATOMIC_RELAXED) &&
	    virtdev_priv_fs_is_deferred(fs))
		virtdev_state_refuse(w, -EOPNOTSUPP,
				     "fs: the guest has DAX mappings (mount -o dax), which cannot be migrated; unmount the folder in the guest first");
	virtdev_state_put_u64(w, agreed);
	if (!agreed)
		return;
	put_files(fs, w);
	put_opened(fs, w);
	window_save(fs, w);
}

/* --------------------------------------------------------------------- read */

/* 1: read an inode; 0: end of the list; or -EBADMSG. */
static int get_file(struct virtdev_state_reader *r, struct fs_file_record *f)
{
	struct file_handle *handle = &f->file_handle.handle;
	uint16_t len;

	f->id = virtdev_state_get_u64(r);
	if (!f->id)
		return 0;
	f->dev = f->ino = f->btime = 0;
	f->lookups = virtdev_state_get_u64(r);
	f->type = virtdev_state_get_u32(r);
	handle->handle_bytes = virtdev_state_get_u8(r);
	handle->handle_type = (int)virtdev_state_get_u32(r);
	if (handle->handle_bytes > MAX_HANDLE_SZ)
		return -EBADMSG;
	virtdev_state_get_bytes(r, handle->f_handle, handle->handle_bytes);
	len = virtdev_state_get_u16(r);
	if (len >= PATH_MAX)
		return -EBADMSG;
	virtdev_state_get_bytes(r, f->path, len);
	f->path[len] = 0;
	return strlen(f->path) == len && virtdev_priv_fs_file_record_is_valid(f) ?
	       1 : -EBADMSG;
}

static int get_open(struct virtdev_state_reader *r, struct fs_open_record *o)
{
	o->id = virtdev_state_get_u64(r);
	if (!o->id)
		return 0;
	o->node = virtdev_state_get_u64(r);
	o->flags = virtdev_state_get_u32(r);
	return virtdev_priv_fs_open_record_is_valid(o) ? 1 : -EBADMSG;
}

/* Checks the whole state before the device changes. */
static int check_lists(struct fs *fs, struct virtdev_state_reader r,
		       uint32_t version, struct vsu_error *err)
{
	struct fs_file_record f;
	struct fs_open_record o;
	int rc;

	virtdev_state_get_u32(&r);
	while ((rc = get_file(&r, &f)) == 1)
		;
	if (rc < 0)
		return vsu_error_set(err, -EBADMSG,
				     "fs: file %" PRIu64 " of the state is invalid",
				     f.id);
	virtdev_state_get_u32(&r);
	while ((rc = get_open(&r, &o)) == 1)
		;
	if (rc < 0)
		return vsu_error_set(err, -EBADMSG,
				     "fs: open file %" PRIu64 " of the state is invalid",
				     o.id);
	rc = version >= 2 ? window_check(fs, &r, err) : 0;
	return rc < 0 ? rc : virtdev_state_end(&r, err);
}

/* Names opened in one turn. A path has up to 2047, which take some milliseconds. */
#define TURN_NAMES 1024u

/* One turn. 1: more remain; 0: all files are loaded; -EEXIST: duplicate ID. */
static int load_files(struct fs *fs, struct virtdev_state_reader *r)
{
	struct fs_file_record f;
	int rc = 0;

	for (fs->load.names = 0; rc >= 0 && fs->load.names < TURN_NAMES; fs->load.names++) {
		if (get_file(r, &f) != 1)
			return 0;
		rc = virtdev_priv_fs_restore_file(fs, &f);
		fs->load.lost += rc > 0;
	}
	return rc < 0 ? rc : 1;
}

static int load_handles(struct fs *fs, struct virtdev_state_reader *r)
{
	struct fs_open_record o;
	unsigned int n;
	int rc = 0;

	for (n = 0; rc >= 0 && n < TURN_NAMES; n++) {
		if (get_open(r, &o) != 1)
			return 0;
		rc = virtdev_priv_fs_restore_open(fs, &o);
		fs->load.lost += rc > 0;
	}
	return rc < 0 ? rc : 1;
}

static int check_lost(const struct fs *fs, int lost, struct vsu_error *err)
{
	if (!lost || fs->config.lost == VIRTDEV_FS_LOST_ERROR)
		return 0;
	return vsu_error_set(err, -ENOENT,
			     "fs: %d of the files that the guest uses do not exist in this folder; restore them, or accept their loss (migration-on-error)",
			     lost);
}

int virtdev_priv_fs_state_load(void *self, uint32_t version,
			       struct virtdev_state_reader *r,
			       struct vsu_error *err)
{
	struct fs *fs = self;
	const uint64_t agreed = version ? virtdev_state_get_u64(r) : 0;
	int rc = virtdev_priv_fs_agreed_check(fs, agreed, err);

	if (rc >= 0)
		rc = agreed ? check_lists(fs, *r, version, err) : virtdev_state_end(r, err);
	if (rc < 0 || !agreed)
		return rc;
	virtdev_priv_fs_session_end(fs);
	virtdev_priv_fs_pool_renew(&fs->inodes, virtdev_state_get_u32(r));
	fs->load.agreed = agreed;
	fs->load.lost = 0;
	fs->load.phase = FS_LOAD_FILES;
	fs->load.has_window = version >= 2;
	return 1;
}

static int load_finish(struct fs *fs, struct vsu_error *err)
{
	int rc;

	virtdev_priv_fs_restore_end(fs);
	virtdev_priv_fs_count(fs, FS_LOST, (uint64_t)fs->load.lost);
	rc = check_lost(fs, fs->load.lost, err);
	if (rc < 0)
		virtdev_priv_fs_session_end(fs);
	else
		virtdev_priv_fs_session_begin(fs, fs->load.agreed);
	return rc;
}

/* Begins the next list; false: the last one has ended. */
static bool load_next_list(struct fs *fs, struct virtdev_state_reader *r)
{
	if (fs->load.phase == FS_LOAD_FILES)
		virtdev_priv_fs_pool_renew(&fs->handles, virtdev_state_get_u32(r));
	else if (fs->load.phase == FS_LOAD_HANDLES && fs->load.has_window)
		virtdev_state_get_u64(r);	/* the window's address was checked */
	else
		return false;
	fs->load.phase++;
	return true;
}

static int load_stop(struct fs *fs, int rc, struct vsu_error *err)
{
	close_file(fs);
	virtdev_priv_fs_restore_end(fs);
	virtdev_priv_fs_session_end(fs);
	if (fs->load.phase == FS_LOAD_WINDOW)
		return vsu_error_sys(err, rc, "fs: cannot map files into the DAX window");
	return vsu_error_set(err, -EBADMSG,
			     "fs: two files of the state have the same ID");
}

int virtdev_priv_fs_state_load_turn(void *self, struct virtdev_state_reader *r,
				    struct vsu_error *err)
{
	static int (*const lists[])(struct fs *fs, struct virtdev_state_reader *r) = {
		[FS_LOAD_FILES] = load_files, [FS_LOAD_HANDLES] = load_handles,
		[FS_LOAD_WINDOW] = load_window,
	};
	struct fs *fs = self;
	int rc = r ? lists[fs->load.phase](fs, r) : -ECANCELED;

	if (rc < 0)
		return load_stop(fs, rc, err);
	return rc || load_next_list(fs, r) ? 1 : load_finish(fs, err);
}
