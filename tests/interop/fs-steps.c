/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The requests in the life of a file. */
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs-steps.h"
#include "lasting.h"

#define TURNS 4u		/* rounds in the middle of a life, */
#define MIDDLE_AGE 1u		/* first step of a round */

static void add(struct fs_request *r, const void *bytes, size_t len)
{
	memcpy(r->args + r->len, bytes, len);
	r->len += (uint32_t)len;
}

/* "f3", or "g3" in every second round. */
static void add_name(struct fs_request *r, const struct fs_life *f, char letter)
{
	char name[16];
	const int n = snprintf(name, sizeof(name), "%c%u", letter, f->index);

	add(r, name, (size_t)n + 1);
}

static char name_now(const struct fs_life *f)
{
	return f->turn % 2 ? 'g' : 'f';
}

static void fill(uint64_t *words, const struct fs_life *f)
{
	uint64_t w = (f->version << 8 | f->index) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned int i;

	for (i = 0; i < FS_STEP_BYTES / 8; i++)
		words[i] = w += i;
}

static void create(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_CREAT | O_EXCL,
					   .mode = S_IFREG | 0644 };

	add(r, &in, sizeof(in));
	add_name(r, f, 'f');
	r->answer = sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out);
}

static void created(struct fs_life *f, const unsigned char *answer)
{
	struct fuse_entry_out entry;
	struct fuse_open_out open;

	memcpy(&entry, answer, sizeof(entry));
	memcpy(&open, answer + sizeof(entry), sizeof(open));
	f->node = entry.nodeid;
	f->handle = open.fh;
	f->lookups = 1;
}

static void write_bytes(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_write_in in = { .fh = f->handle, .size = FS_STEP_BYTES };
	uint64_t words[FS_STEP_BYTES / 8];

	f->version++;
	fill(words, f);
	r->node = f->node;
	add(r, &in, sizeof(in));
	add(r, words, sizeof(words));
	r->answer = sizeof(struct fuse_write_out);
}

static void written(struct fs_life *f, const unsigned char *answer)
{
	struct fuse_write_out out;

	(void)f;
	memcpy(&out, answer, sizeof(out));
	if (out.size != FS_STEP_BYTES)
		lasting_fail("file %u: %" PRIu32 " bytes written", f->index, out.size);
}

static void read_bytes(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_read_in in = { .fh = f->handle, .size = FS_STEP_BYTES };

	r->node = f->node;
	add(r, &in, sizeof(in));
	r->answer = FS_STEP_BYTES;
}

static void was_read(struct fs_life *f, const unsigned char *answer)
{
	uint64_t words[FS_STEP_BYTES / 8];

	fill(words, f);
	if (memcmp(words, answer, FS_STEP_BYTES))
		lasting_fail("file %u does not hold what was written", f->index);
}

static void rename_file(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_rename2_in in = { .newdir = FUSE_ROOT_ID };

	add(r, &in, sizeof(in));
	add_name(r, f, name_now(f));
	add_name(r, f, name_now(f) == 'f' ? 'g' : 'f');
}

static void renamed(struct fs_life *f, const unsigned char *answer)
{
	(void)answer;
	f->turn++;
}

static void look_up(struct fs_life *f, struct fs_request *r)
{
	add_name(r, f, name_now(f));
	r->answer = sizeof(struct fuse_entry_out);
}

static void looked_up(struct fs_life *f, const unsigned char *answer)
{
	struct fuse_entry_out entry;

	memcpy(&entry, answer, sizeof(entry));
	f->lookups++;
	if (entry.nodeid != f->node)
		lasting_fail("file %u is %#" PRIx64 ", and was %#" PRIx64,
			     f->index, entry.nodeid, f->node);
}

static void make_folder(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };

	add(r, &in, sizeof(in));
	add_name(r, f, 'd');
	r->answer = sizeof(struct fuse_entry_out);
}

static void folder_made(struct fs_life *f, const unsigned char *answer)
{
	struct fuse_entry_out entry;

	memcpy(&entry, answer, sizeof(entry));
	f->folder = entry.nodeid;
}

static void remove_folder(struct fs_life *f, struct fs_request *r)
{
	add_name(r, f, 'd');
}

static void forget_folder(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_forget_in in = { .nlookup = 1 };

	r->node = f->folder;
	add(r, &in, sizeof(in));
	r->answer = FS_STEP_QUIET;
}

/* Repeated as often as necessary. */
static void turn_over(struct fs_life *f, const unsigned char *answer);

static void release(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_release_in in = { .fh = f->handle };

	r->node = f->node;
	add(r, &in, sizeof(in));
}

static void remove_file(struct fs_life *f, struct fs_request *r)
{
	add_name(r, f, name_now(f));
}

static void forget_file(struct fs_life *f, struct fs_request *r)
{
	const struct fuse_forget_in in = { .nlookup = f->lookups };

	r->node = f->node;
	add(r, &in, sizeof(in));
	r->answer = FS_STEP_QUIET;
}

static void forgotten(struct fs_life *f, const unsigned char *answer)
{
	(void)answer;
	f->turn = 0;
}

const struct fs_step fs_steps[FS_STEPS] = {
	{ FUSE_CREATE, create, created },
	{ FUSE_WRITE, write_bytes, written },
	{ FUSE_READ, read_bytes, was_read },
	{ FUSE_RENAME2, rename_file, renamed },
	{ FUSE_READ, read_bytes, was_read },
	{ FUSE_LOOKUP, look_up, looked_up },
	{ FUSE_MKDIR, make_folder, folder_made },
	{ FUSE_RMDIR, remove_folder, NULL },
	{ FUSE_FORGET, forget_folder, turn_over },
	{ FUSE_RELEASE, release, NULL },
	{ FUSE_UNLINK, remove_file, NULL },
	{ FUSE_FORGET, forget_file, forgotten },
};
/* The next step is the following one. */
static void turn_over(struct fs_life *f, const unsigned char *answer)
{
	(void)answer;
	if (f->turn < TURNS)
		f->step = MIDDLE_AGE - 1;
}
