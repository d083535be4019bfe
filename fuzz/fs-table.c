/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A recovery file, modified by an attacker who knows its format. */
#define _GNU_SOURCE
#include <config.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/device/priv.h"

#include "fs-table.h"
#include "fs-words.h"

/* Returns numbers at the borders of ranges. */
static uint64_t word(struct input *in)
{
	static const uint64_t words[] = {
		0, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 127, 128, 129, 4096,
		INT32_MAX, UINT32_MAX, UINT64_C(1) << 32,
		(UINT64_C(1) << 32) | 2, ((uint64_t)UINT32_MAX << 32) | 2,
		INT64_MAX, UINT64_MAX, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO,
		O_RDWR, O_DIRECTORY, O_PATH, FS_SESSION, FS_SESSION | 1,
	};
	const uint32_t v = take(in, 1);

	return v & 0x80 ? take_u64(in, 1 + (v & 7))
			: words[v % (sizeof(words) / sizeof(*words))];
}

struct member {
	size_t at, size;
};

#define MEMBER(type, name) \
	{ offsetof(struct type, name), sizeof(((struct type *)NULL)->name) }

static void change_member(void *record, const struct member *m, struct input *in)
{
	const uint64_t v = word(in);

	memcpy((char *)record + m->at, &v, m->size);
}

/* ----------------------------------------------------------------- a record */

static const struct member head_members[] = {
	MEMBER(fs_recover_head, magic), MEMBER(fs_recover_head, version),
	MEMBER(fs_recover_head, inode_size),
	MEMBER(fs_recover_head, handle_size),
	MEMBER(fs_recover_head, ninodes), MEMBER(fs_recover_head, nhandles),
	MEMBER(fs_recover_head, highest[0]),
	MEMBER(fs_recover_head, highest[1]), MEMBER(fs_recover_head, reach[0]),
	MEMBER(fs_recover_head, reach[1]), MEMBER(fs_recover_head, generation),
	MEMBER(fs_recover_head, dev), MEMBER(fs_recover_head, ino),
	MEMBER(fs_recover_head, agreed),
};

static const struct member inode_members[] = {
	MEMBER(fs_recover_inode_record, id),
	MEMBER(fs_recover_inode_record, lookups),
	MEMBER(fs_recover_inode_record, dev),
	MEMBER(fs_recover_inode_record, ino),
	MEMBER(fs_recover_inode_record, btime),
	MEMBER(fs_recover_inode_record, type),
	MEMBER(fs_recover_inode_record, which),
	MEMBER(fs_recover_inode_record, file_handle.handle.handle_bytes),
	MEMBER(fs_recover_inode_record, file_handle.handle.handle_type),
	MEMBER(fs_recover_inode_record, dentries[0].parent),
	MEMBER(fs_recover_inode_record, dentries[1].parent),
};

static const struct member handle_members[] = {
	MEMBER(fs_recover_handle_record, id),
	MEMBER(fs_recover_handle_record, node),
	MEMBER(fs_recover_handle_record, flags),
};

static const struct member once_members[] = {
	MEMBER(fs_replay_record, unique), MEMBER(fs_replay_record, node),
	MEMBER(fs_replay_record, moved), MEMBER(fs_replay_record, started),
	MEMBER(fs_replay_record, opcode), MEMBER(fs_replay_record, generation),
	MEMBER(fs_replay_record, done), MEMBER(fs_replay_record, result),
};

#define UP(n) (((n) + FS_RECOVER_HEAD - 1) & ~(size_t)(FS_RECOVER_HEAD - 1))
#define HANDLES_AT UP(FS_RECOVER_HEAD + FS_TABLE_INODES * \
		      sizeof(struct fs_recover_inode_record))
#define ONCES_AT UP(HANDLES_AT + FS_TABLE_HANDLES * \
		    sizeof(struct fs_recover_handle_record))

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct kind {
	size_t at, size, n;
	const struct member *members;
	size_t nmembers;
} kinds[] = {
	{ 0, sizeof(struct fs_recover_head), 1, head_members,
	  COUNT(head_members) },
	{ FS_RECOVER_HEAD, sizeof(struct fs_recover_inode_record),
	  FS_TABLE_INODES, inode_members, COUNT(inode_members) },
	{ HANDLES_AT, sizeof(struct fs_recover_handle_record),
	  FS_TABLE_HANDLES, handle_members, COUNT(handle_members) },
	{ ONCES_AT, sizeof(struct fs_replay_record), FS_REPLAY_RECORDS,
	  once_members, COUNT(once_members) },
};

union record {
	struct fs_recover_head head;
	struct fs_recover_inode_record inode;
	struct fs_recover_handle_record handle;
	struct fs_replay_record once;
};

static bool record_read(int fd, const struct kind *k, size_t i, union record *r)
{
	return pread(fd, r, k->size, (off_t)(k->at + i * k->size)) ==
	       (ssize_t)k->size;
}

static void record_write(int fd, const struct kind *k, size_t i,
			 const union record *r)
{
	CHECK(pwrite(fd, r, k->size, (off_t)(k->at + i * k->size)) ==
	      (ssize_t)k->size);
}

/* A name with zeros behind it, or none. */
static void change_name(struct fs_recover_inode_record *r, struct input *in)
{
	struct fs_recover_dentry *p = &r->dentries[take(in, 1) & 1];

	memset(p->name, 0, sizeof(p->name));
	put_name((unsigned char *)p->name, in);
	if (take(in, 1) == 0xff)
		memset(p->name, 'n', sizeof(p->name));
}

static void change_record(int fd, const struct kind *k, struct input *in)
{
	const size_t i = take(in, 1) % k->n;
	const uint32_t which = take(in, 1);
	union record r;

	if (!record_read(fd, k, i, &r))
		return;
	if (which >= 0xe0 && k->members == inode_members)
		change_name(&r.inode, in);
	else
		change_member(&r, &k->members[which % k->nmembers], in);
	record_write(fd, k, i, &r);
}

/* Copies a record under its own number, or under that of its new position. */
static void copy_record(int fd, const struct kind *k, uint32_t how,
			struct input *in)
{
	const size_t from = take(in, 1) % k->n, to = take(in, 1) % k->n;
	union record r;

	if (!record_read(fd, k, from, &r))
		return;
	if (how & 0x40 && k->members == inode_members)
		r.inode.id = to + 1;
	if (how & 0x40 && k->members == handle_members)
		r.handle.id = to + 1;
	record_write(fd, k, to, &r);
}

static void change_bytes(int fd, struct input *in)
{
	const off_t at = (off_t)(take(in, 3) % (1u << 17));
	unsigned char bytes[16];
	unsigned int n = take(in, 1) % sizeof(bytes), i;

	for (i = 0; i < n; i++)
		bytes[i] = (unsigned char)take(in, 1);
	CHECK(pwrite(fd, bytes, n, at) == (ssize_t)n);
}

static void change_length(int fd, struct input *in)
{
	const uint64_t v = word(in);

	CHECK(ftruncate(fd, (off_t)(v % (1u << 17))) == 0);
}

void fs_table_change(int fd, struct input *in)
{
	const uint32_t how = take(in, 1), what = how & 0xf;

	if (what == 0xf)
		change_length(fd, in);
	else if (what == 0xe)
		change_bytes(fd, in);
	else if (what >= 0xa)
		copy_record(fd, &kinds[what & 3], how, in);
	else
		change_record(fd, &kinds[what & 3], in);
}
