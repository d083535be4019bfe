/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The requests that bench-fs measures. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>
#include <sys/stat.h>

#include "fs_tasks.h"

#define KIB 1024u
#define MIB (1024u * KIB)

static struct {
	struct fuse_write_in in;
	unsigned char bytes[MIB];
} write_request;

bool fs_is_answered(struct fs_load *s, uint32_t opcode, uint64_t node,
		    const void *args, size_t len, uint32_t room)
{
	return fs_ask(&s->fs, opcode, node, args, (uint32_t)len, room, &s->error) ==
	       VSU_EXIT_OK;
}

/* The next offset. */
static uint64_t place(struct fs_load *s, uint32_t size, bool random)
{
	s->random = s->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	s->count++;
	return (random ? s->random >> 33 : s->count) % (FS_FILE_SIZE / size) * size;
}

static bool do_read(struct fs_load *s, uint32_t size, bool random)
{
	const struct fuse_read_in in = {
		.fh = s->handle, .offset = place(s, size, random), .size = size,
	};

	return fs_is_answered(s, FUSE_READ, s->file, &in, sizeof(in), size) &&
	       s->fs.answer_len == size;
}

/* The file is clean, so that the kernel drops all its pages. */
static bool do_read_cold(struct fs_load *s, uint32_t size, bool random)
{
	return posix_fadvise(s->fd, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
	       do_read(s, size, random);
}

static bool write_at(struct fs_load *s, uint64_t node, uint64_t handle, uint64_t offset,
		     uint32_t size)
{
	write_request.in = (struct fuse_write_in){ .fh = handle, .offset = offset, .size = size };
	return fs_is_answered(s, FUSE_WRITE, node, &write_request,
			      sizeof(write_request.in) + size,
			      sizeof(struct fuse_write_out));
}

static bool do_write(struct fs_load *s, uint32_t size, bool random)
{
	return write_at(s, s->file, s->handle, place(s, size, random), size);
}

static bool do_lookup(struct fs_load *s, uint32_t size, bool random)
{
	(void)size, (void)random;
	return fs_is_answered(s, FUSE_LOOKUP, FUSE_ROOT_ID, "file", 5,
			      sizeof(struct fuse_entry_out));
}

static bool do_getattr(struct fs_load *s, uint32_t size, bool random)
{
	const struct fuse_getattr_in in = { 0 };

	(void)size, (void)random;
	return fs_is_answered(s, FUSE_GETATTR, s->file, &in, sizeof(in),
			      sizeof(struct fuse_attr_out));
}

static bool file_close(struct fs_load *s, uint64_t node, uint64_t handle,
		       uint32_t opcode)
{
	return fs_release(&s->fs, opcode, node, handle, &s->error) == VSU_EXIT_OK;
}

struct made {
	struct fuse_entry_out e;
	struct fuse_open_out o;
};

static bool small_create(struct fs_load *s, struct made *made)
{
	struct { struct fuse_create_in in; char name[8]; } make = {
		{ .flags = O_RDWR | O_CREAT | O_EXCL, .mode = S_IFREG | 0644 },
		"small",
	};

	if (!fs_is_answered(s, FUSE_CREATE, FUSE_ROOT_ID, &make,
			    sizeof(make.in) + sizeof("small"), sizeof(*made)))
		return false;
	memcpy(made, s->fs.answer, sizeof(*made));
	return true;
}

static bool small_remove(struct fs_load *s, const struct made *made)
{
	return file_close(s, made->e.nodeid, made->o.fh, FUSE_RELEASE) &&
	       fs_is_answered(s, FUSE_UNLINK, FUSE_ROOT_ID, "small", 6, 0) &&
	       fs_forget(&s->fs, made->e.nodeid, &s->error) == VSU_EXIT_OK;
}

static bool do_small_file(struct fs_load *s, uint32_t size, bool random)
{
	struct made made;

	(void)random;
	return small_create(s, &made) &&
	       write_at(s, made.e.nodeid, made.o.fh, 0, size) &&
	       small_remove(s, &made);
}

static bool do_unpack(struct fs_load *s, uint32_t size, bool random)
{
	struct fuse_setattr_in set = {
		.valid = FATTR_MODE | FATTR_MTIME, .mode = S_IFREG | 0600,
		.mtime = 1000000000,
	};
	struct made made;

	(void)random;
	return !fs_is_answered(s, FUSE_LOOKUP, FUSE_ROOT_ID, "small", 6,
			       sizeof(struct fuse_entry_out)) &&
	       s->fs.error == -ENOENT && small_create(s, &made) &&
	       write_at(s, made.e.nodeid, made.o.fh, 0, size) &&
	       fs_is_answered(s, FUSE_SETATTR, made.e.nodeid, &set, sizeof(set),
			      sizeof(struct fuse_attr_out)) &&
	       small_remove(s, &made);
}

static bool do_open_read(struct fs_load *s, uint32_t size, bool random)
{
	struct fuse_read_in in = { .size = size };

	(void)random;
	return fs_open(&s->fs, FUSE_OPEN, s->file, &in.fh, &s->error) == VSU_EXIT_OK &&
	       fs_is_answered(s, FUSE_READ, s->file, &in, sizeof(in), size) &&
	       file_close(s, s->file, in.fh, FUSE_RELEASE);
}

static bool do_folder(struct fs_load *s, uint32_t size, bool random)
{
	struct { struct fuse_mkdir_in in; char name[8]; } make = {
		{ .mode = 0755 }, "newdir",
	};
	struct fuse_entry_out made;

	(void)size, (void)random;
	if (!fs_is_answered(s, FUSE_MKDIR, FUSE_ROOT_ID, &make,
			    sizeof(make.in) + sizeof("newdir"), sizeof(made)))
		return false;
	memcpy(&made, s->fs.answer, sizeof(made));
	return fs_is_answered(s, FUSE_RMDIR, FUSE_ROOT_ID, "newdir", 7, 0) &&
	       fs_forget(&s->fs, made.nodeid, &s->error) == VSU_EXIT_OK;
}

static uint64_t last_offset(const struct fs *fs)
{
	struct fuse_dirent entry = { .off = 0 };
	uint32_t done = 0;

	while (done + FUSE_NAME_OFFSET <= fs->answer_len) {
		memcpy(&entry, fs->answer + done, FUSE_NAME_OFFSET);
		done += (uint32_t)FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET +
						    entry.namelen);
	}
	return entry.off;
}

static bool do_list(struct fs_load *s, uint32_t size, bool random)
{
	struct fuse_read_in in = { .size = 32 * KIB };

	(void)size, (void)random;
	if (fs_open(&s->fs, FUSE_OPENDIR, s->listed, &in.fh, &s->error) != VSU_EXIT_OK)
		return false;
	do {
		if (!fs_is_answered(s, FUSE_READDIR, s->listed, &in, sizeof(in),
				    in.size))
			return false;
		in.offset = last_offset(&s->fs);
	} while (s->fs.answer_len);
	return file_close(s, s->listed, in.fh, FUSE_RELEASEDIR);
}

/* The nodes of a reply with attributes, and the next offset. "." and ".." have none. */
static uint32_t listed_nodes(const struct fs *fs, uint64_t *nodes, uint64_t *offset)
{
	struct fuse_direntplus entry;
	uint32_t done = 0, n = 0;

	while (done + FUSE_NAME_OFFSET_DIRENTPLUS <= fs->answer_len && n < FS_NAMES) {
		memcpy(&entry, fs->answer + done, FUSE_NAME_OFFSET_DIRENTPLUS);
		done += (uint32_t)FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS +
						    entry.dirent.namelen);
		*offset = entry.dirent.off;
		if (entry.entry_out.nodeid)
			nodes[n++] = entry.entry_out.nodeid;
	}
	return n;
}

static bool do_list_stat(struct fs_load *s, uint32_t size, bool random)
{
	struct fuse_read_in in = { .size = size };
	uint64_t nodes[FS_NAMES];
	uint32_t n;

	(void)random;
	if (fs_open(&s->fs, FUSE_OPENDIR, s->listed, &in.fh, &s->error) != VSU_EXIT_OK)
		return false;
	do {
		if (!fs_is_answered(s, FUSE_READDIRPLUS, s->listed, &in, sizeof(in),
				    in.size))
			return false;
		n = listed_nodes(&s->fs, nodes, &in.offset);
		while (n)
			if (fs_forget(&s->fs, nodes[--n], &s->error) != VSU_EXIT_OK)
				return false;
	} while (s->fs.answer_len);
	return file_close(s, s->listed, in.fh, FUSE_RELEASEDIR);
}

const struct fs_task fs_tasks[FS_TASKS] = {
	{ { "read_4k_seq", "us" }, do_read, 4 * KIB, false },
	{ { "read_4k_rand", "us" }, do_read, 4 * KIB, true },
	{ { "read_1m_seq", "us" }, do_read, MIB, false },
	{ { "read_1m_rand", "us" }, do_read, MIB, true },
	{ { "write_4k_seq", "us" }, do_write, 4 * KIB, false },
	{ { "write_4k_rand", "us" }, do_write, 4 * KIB, true },
	{ { "write_1m_seq", "us" }, do_write, MIB, false },
	{ { "write_1m_rand", "us" }, do_write, MIB, true },
	{ { "lookup", "us" }, do_lookup, 0, false },
	{ { "getattr", "us" }, do_getattr, 0, false },
	{ { "small_file", "us" }, do_small_file, 4 * KIB, false },
	{ { "unpack", "us" }, do_unpack, 16 * KIB, false },
	{ { "open_read", "us" }, do_open_read, 4 * KIB, false },
	{ { "folder", "us" }, do_folder, 0, false },
	{ { "list", "us" }, do_list, 0, false },
	{ { "list_stat", "us" }, do_list_stat, 32 * KIB, false },
	{ { "read_4k_cold", "us" }, do_read_cold, 4 * KIB, true },
	{ { "read_1m_cold", "us" }, do_read_cold, MIB, true },
};
