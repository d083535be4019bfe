/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The requests of "bench" for a file system: FUSE, which change nothing. Requests that find
 * the file come first, one at a time.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fuse.h>
#include <string.h>

#include <virtio-queue/features.h>

#include "bench_load.h"
#include "fs.h"

#define REQUEST_ROOM 512u
#define MAX_NAME 255u
/* Bytes of entries that a request reads. */
#define FOLDER_ROOM 4096u

_Static_assert(BENCH_MAX_QUEUES * BENCH_MAX_DEPTH <= FS_MAX_SLOTS, "each request has a slot");

struct files {
	struct fs fs;
	uint64_t node, size;		/* of the file, or of the root */
	uint64_t file_handle, folder_handle;
	struct fs_call call;		/* of the load */
	union {
		struct fuse_getattr_in getattr;
		struct fuse_read_in read;
	} args;				/* of the call */
};

enum kind { GETATTR, LOOKUP, READ, READDIR };

static const struct bench_request requests[] = {
	[GETATTR] = { .name = "getattr", .floor = bench_floor_getattr },
	[LOOKUP] = { .name = "lookup", .of_file = true },
	[READ] = { .name = "read", .sized = true, .of_file = true, .floor = bench_floor_io },
	[READDIR] = { .name = "readdir" },
	{ .name = NULL }
};

/* --------------------------------------------------------------------- open */

static enum vsu_exit open_file(struct files *f, const char *name, struct vsu_error *err)
{
	struct fuse_entry_out entry;
	enum vsu_exit status = fs_find_name(&f->fs, &f->node, name, err);

	if (status != VSU_EXIT_OK)
		return status;
	memcpy(&entry, f->fs.answer, sizeof(entry));
	f->size = entry.attr.size;
	return fs_open(&f->fs, FUSE_OPEN, f->node, &f->file_handle, err);
}

static enum vsu_exit open_files(struct files *f, const char *file, struct vsu_error *err)
{
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = BENCH_MAX_SIZE,
		.flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES,
	};
	enum vsu_exit status = fs_ask(&f->fs, FUSE_INIT, FUSE_ROOT_ID, &init, sizeof(init),
				      sizeof(struct fuse_init_out), err);

	f->node = FUSE_ROOT_ID;
	if (status == VSU_EXIT_OK && file)
		status = open_file(f, file, err);
	return status == VSU_EXIT_OK ?
	       fs_open(&f->fs, FUSE_OPENDIR, FUSE_ROOT_ID, &f->folder_handle, err) : status;
}

static enum vsu_exit files_open(struct bench_driver *d, struct vsu_error *err)
{
	const struct bench_load *most = d->load;
	const struct fs_plan plan = {
		.queues = most->queues, .slots = most->depth, .in_room = REQUEST_ROOM,
		.out_room = (uint32_t)sizeof(struct fuse_out_header) +
			    (most->size > FOLDER_ROOM ? most->size : FOLDER_ROOM),
	};
	struct files *f = d->self;
	enum vsu_exit status;

	if (most->file && (strlen(most->file) > MAX_NAME || strchr(most->file, '/'))) {
		vsu_error_set(err, -EINVAL, "option --file: '%s' is not the name of a file in the shared folder",
			      most->file);
		return VSU_EXIT_DATA;
	}
	status = queues_open(&f->fs.q, most->socket, 0, VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC, err);
	if (status != VSU_EXIT_OK)
		return status;
	d->q = &f->fs.q;
	d->stride = most->depth;
	f->fs.timeout_ms = most->timeout_ms && most->timeout_ms < INT_MAX ?
			   (int)most->timeout_ms : INT_MAX;
	status = fs_start(&f->fs, &plan, err);
	return status == VSU_EXIT_OK ? open_files(f, most->file, err) : status;
}

/* --------------------------------------------------------------------- load */

/* The call of a kind, on the file of the load or on the folder. */
static void make_call(struct files *f, enum kind kind, const struct bench_load *load)
{
	struct fs_call *call = &f->call;

	switch (kind) {
	case GETATTR:
		f->args.getattr = (struct fuse_getattr_in){ .fh = 0 };
		*call = (struct fs_call){ .opcode = FUSE_GETATTR, .node = f->node,
					  .len = sizeof(f->args.getattr) };
		call->room = call->least = sizeof(struct fuse_attr_out);
		break;
	case LOOKUP:
		*call = (struct fs_call){ .opcode = FUSE_LOOKUP, .node = FUSE_ROOT_ID,
					  .args = load->file, .len = (uint32_t)strlen(load->file) + 1 };
		call->room = call->least = sizeof(struct fuse_entry_out);
		return;
	case READ:
		f->args.read = (struct fuse_read_in){ .fh = f->file_handle, .size = load->size };
		*call = (struct fs_call){ .opcode = FUSE_READ, .node = f->node,
					  .len = sizeof(f->args.read) };
		call->room = call->least = load->size;
		break;
	case READDIR:
		f->args.read = (struct fuse_read_in){ .fh = f->folder_handle, .size = FOLDER_ROOM };
		*call = (struct fs_call){ .opcode = FUSE_READDIR, .node = FUSE_ROOT_ID,
					  .len = sizeof(f->args.read), .room = FOLDER_ROOM };
		break;
	}
	call->args = &f->args;
}

static enum vsu_exit files_prepare(struct bench_driver *d, struct vsu_error *err)
{
	const struct bench_load *load = d->load;
	struct files *f = d->self;

	make_call(f, (enum kind)(load->request - requests), load);
	if (f->call.opcode != FUSE_READ || load->size <= f->size)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL, "option --file: '%s' has %" PRIu64 " bytes, fewer than a request of %" PRIu32,
		      load->file, f->size, load->size);
	return VSU_EXIT_DATA;
}

static enum vsu_exit files_submit(struct bench_driver *d, uint32_t slot, struct vsu_error *err)
{
	struct files *f = d->self;

	if (f->call.opcode == FUSE_READ)
		f->args.read.offset = bench_random(&d->random) % (f->size / f->call.room) * f->call.room;
	return fs_add(&f->fs, FS_REQUESTS + slot / d->stride, slot, &f->call, err);
}

static enum vsu_exit files_complete(struct bench_driver *d, const struct queues_used *used,
				    uint32_t *slot, struct vsu_error *err)
{
	struct files *f = d->self;

	*slot = (uint32_t)used->cookie;
	return fs_judge(&f->fs, *slot, &f->call, used->written, err);
}

const struct bench_device bench_fs = {
	.name = "fs", .sizes = "4k", .requests = requests,
	.preset = "getattr,lookup,read,readdir", .all = "getattr,lookup,read,readdir",
	.min_size = 512, .max_size = BENCH_MAX_SIZE, .self_size = sizeof(struct files),
	.open = files_open, .prepare = files_prepare, .submit = files_submit,
	.complete = files_complete,
};
