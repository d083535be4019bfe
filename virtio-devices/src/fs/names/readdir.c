/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* READDIR and READDIRPLUS: translates getdents64() entries to FUSE's. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/names/names.h"

/* Bytes of one getdents64() call; the longest entry fits in MIN_READ. */
#define MAX_READ 32768u
#define MIN_READ 280u

/* fs_handle.next: the position is not the offset of a known entry. */
#define NOWHERE INT64_MIN

/* An entry of getdents64(). */
struct entry {
	uint64_t ino;
	int64_t next;		/* offset of the next entry */
	uint16_t len;		/* of the whole entry */
	uint8_t type;
	char name[];
};

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* On errors nodeid is 0: the driver looks the name up itself. */
static struct fuse_entry_out make_entry(struct fs_call *c, const char *name)
{
	struct fuse_entry_out out;

	if (is_dots(name) ||
	    virtdev_priv_fs_entry(c, name, &out) < 0)
		memset(&out, 0, sizeof(out));
	return out;
}

/* Private files are opened to find their path, others have the mode that statx() reports. */
static bool is_private(const struct fs_call *c, const char *name)
{
	struct statx st;
	bool hidden;
	int fd;

	if (!c->fs->config.hide_private || is_dots(name) || virtdev_priv_fs_stat(c->inode->fd, name, &st) < 0 ||
	    (!c->in_private && !virtdev_priv_fs_is_for_owner(&st)))
		return false;
	fd = virtdev_priv_fs_open_name(c->fs, c->inode->fd, c->inode->dev, name);
	hidden = fd < 0 || virtdev_priv_fs_is_private(c->fs, fd, &st, c->in_private);
	vsu_fd_close(&fd);
	return hidden;
}

static bool is_hidden(const struct fs_call *c, const char *name)
{
	const struct fs_place in = virtdev_priv_fs_place_of(c->inode);
	bool hidden = virtdev_priv_fs_is_hidden(c->fs, &in, name);

	if (!hidden && c->fs->config.hide_private) {
		virtdev_priv_fs_host_call_begin(c);
		hidden = is_private(c, name);
		virtdev_priv_fs_host_call_end(c, 0);
	}
	return hidden;
}

/* The reply has the attributes of each entry, and each counts as a lookup. */
static bool is_plus(const struct fs_call *c)
{
	return c->in.opcode == FUSE_READDIRPLUS;
}

/* 1: added to the reply, or hidden; 0: does not fit. */
static int put_entry(struct fs_call *c, const struct entry *e, uint32_t *room)
{
	static const char zeros[8];
	const uint32_t namelen = (uint32_t)strlen(e->name);
	const uint32_t head = is_plus(c) ? sizeof(struct fuse_entry_out) : 0;
	const uint32_t len = head +
		(uint32_t)FUSE_REC_ALIGN(FUSE_NAME_OFFSET + namelen);
	const struct fuse_dirent d = {
		.ino = e->ino, .off = (uint64_t)e->next, .namelen = namelen,
		.type = e->type,
	};
	struct fuse_entry_out entry;

	if (is_hidden(c, e->name))
		return 1;
	if (virtdev_priv_fs_is_detached(c))
		return 0;
	if (len > *room)
		return 0;
	if (is_plus(c)) {
		entry = make_entry(c, e->name);
		if (virtdev_priv_fs_is_detached(c))
			return 0;
		vq_cursor_write(&c->to, &entry, sizeof(entry));
	}
	vq_cursor_write(&c->to, &d, FUSE_NAME_OFFSET);
	vq_cursor_write(&c->to, e->name, namelen);
	vq_cursor_write(&c->to, zeros,
			len - head - (uint32_t)FUSE_NAME_OFFSET - namelen);
	*room -= len;
	return 1;
}

/* Returns the bytes of the reply; 0: all entries are hidden, or there are none. */
static int put_entries(struct fs_call *c, uint32_t len, uint32_t room)
{
	const uint32_t all = room;
	const struct entry *e;
	uint32_t at = 0;

	c->handle->next = NOWHERE;
	while (at < len) {
		e = (const struct entry *)(const void *)(c->queue->text + at);
		if (!put_entry(c, e, &room))
			break;
		at += e->len;
		if (at == len)
			c->handle->next = e->next;
	}
	return at == len || room != all ? (int)(all - room) : -EINVAL;
}

/*
 * Read only entries that fit in the reply, whatever their names are: the shortest has
 * 24 bytes from getdents64(), and 32 or 160 in the reply.
 */
static uint32_t read_len(const struct fs_call *c, uint32_t room)
{
	const uint32_t len = is_plus(c) ? room / 160 * 24 : room / 32 * 24;

	return len < MIN_READ ? MIN_READ : len < MAX_READ ? len : MAX_READ;
}

/*
 * Seeks only if the driver does not continue at the current position: on file systems
 * whose offsets are counters, a seek skips entries if others were removed meanwhile. At
 * the start always: a guest's rewinddir() comes as this offset alone, and btrfs otherwise
 * returns no entry that is newer than the descriptor.
 */
static int go_to(struct fs_handle *handle, uint64_t offset)
{
	if (offset > INT64_MAX)
		return -EINVAL;
	if (offset && handle->next == (int64_t)offset)
		return 0;
	handle->next = NOWHERE;
	return lseek(handle->fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

/* Bytes of host entries, 0 at the end of the folder. */
static int read_host(const struct fs_call *c, uint32_t len)
{
	long n;

	virtdev_priv_fs_host_call_begin(c);
	n = syscall(SYS_getdents64, c->handle->fd, c->queue->text, len);
	return virtdev_priv_fs_host_call_end(c, n < 0 ? -errno : (int)n);
}

/* An empty reply is the end of the folder, so entries that are all hidden are skipped. */
static int read_entries(struct fs_call *c)
{
	const uint32_t left = vq_cursor_left(&c->to);
	const uint32_t room = c->arg.read.size < left ? c->arg.read.size : left;
	int rc = go_to(c->handle, c->arg.read.offset), n;

	if (rc < 0)
		return rc;
	do {
		n = read_host(c, read_len(c, room));
		rc = n < 0 ? n : put_entries(c, (uint32_t)n, room);
	} while (!rc && n && !virtdev_priv_fs_is_detached(c));
	return rc;
}

int virtdev_priv_fs_readdir(struct fs_call *c)
{
	int rc;

	virtdev_priv_fs_host_call_begin(c);
	c->in_private = virtdev_priv_fs_is_in_private(c->fs, c->inode->fd);
	rc = virtdev_priv_fs_host_call_end(c, 0);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&c->handle->position);
	rc = read_entries(c);
	pthread_mutex_unlock(&c->handle->position);
	return rc;
}
