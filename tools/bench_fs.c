/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The requests of "bench" for a file system (VIRTIO 1.3, 5.11): FUSE, which change nothing.
 * Requests that find the file come first, one at a time, as loads of one request.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/fuse.h>
#include <string.h>

#include <virtio-queue/features.h>

#include "bench_load.h"

#define REQUEST_ROOM 512u
#define MAX_NAME 255u
/* Bytes of entries that a request reads. */
#define FOLDER_ROOM 4096u
/* Headers and payloads are four buffers, as a kernel has them. */
#define CHAIN 4u
#define IN_HEADER ((uint32_t)sizeof(struct fuse_in_header))
#define OUT_HEADER ((uint32_t)sizeof(struct fuse_out_header))

/* A request and its reply, without the headers. */
struct call {
	const struct form *form;
	uint64_t node;
	uint32_t len, room;	/* bytes of arguments, and of the reply at most */
	uint32_t least;		/* bytes of the reply at least */
	union {
		struct fuse_init_in init;
		struct fuse_getattr_in getattr;
		struct fuse_open_in open;
		struct fuse_read_in read;
		char name[MAX_NAME + 1];
	} args;
};

struct fs {
	struct queues q;
	uint32_t out_room;		/* of a reply with its header */
	uint64_t out_gpa;
	uint64_t node, size;		/* of the file, or of the root */
	uint64_t file_handle, folder_handle;
	struct call call;		/* of the load */
	uint64_t unique;
	uint64_t uniques[BENCH_MAX_QUEUES * BENCH_MAX_DEPTH];	/* by slot */
};

enum kind { GETATTR, LOOKUP, READ, READDIR, INIT, OPEN, OPENDIR };

static const struct bench_request requests[] = {
	[GETATTR] = { .name = "getattr", .floor = bench_floor_getattr },
	[LOOKUP] = { .name = "lookup", .of_file = true },
	[READ] = { .name = "read", .sized = true, .of_file = true, .floor = bench_floor_io },
	[READDIR] = { .name = "readdir" },
	{ .name = NULL }
};

#define FORM(name, of_folder, in, out) { #name, FUSE_##name, of_folder, (uint32_t)sizeof(in), out }
#define REPLY(type) (uint32_t)sizeof(struct type)

static const struct form {
	const char *name;
	uint32_t opcode;
	bool of_folder;		/* otherwise of the file, or of the folder if there is none */
	uint32_t len, room;
} forms[] = {
	[GETATTR] = FORM(GETATTR, false, struct fuse_getattr_in, REPLY(fuse_attr_out)),
	[LOOKUP] = FORM(LOOKUP, true, char, REPLY(fuse_entry_out)),
	[READ] = FORM(READ, false, struct fuse_read_in, 0),
	[READDIR] = FORM(READDIR, true, struct fuse_read_in, FOLDER_ROOM),
	[INIT] = FORM(INIT, true, struct fuse_init_in, REPLY(fuse_init_out)),
	[OPEN] = FORM(OPEN, false, struct fuse_open_in, REPLY(fuse_open_out)),
	[OPENDIR] = FORM(OPENDIR, true, struct fuse_open_in, REPLY(fuse_open_out)),
};

/* ----------------------------------------------------------------- requests */

static uint64_t in_gpa(const struct fs *fs, uint32_t slot)
{
	return fs->q.room_gpa + (uint64_t)slot * REQUEST_ROOM;
}

static uint64_t out_gpa(const struct fs *fs, uint32_t slot)
{
	return fs->out_gpa + (uint64_t)slot * fs->out_room;
}

static void write_request(const struct bench_driver *d, uint32_t slot, const struct call *call)
{
	struct fs *fs = d->self;
	const struct fuse_in_header header = {
		.len = IN_HEADER + call->len, .opcode = call->form->opcode, .nodeid = call->node,
		.unique = ++fs->unique,
	};
	unsigned char *in = queues_at(&fs->q, in_gpa(fs, slot), REQUEST_ROOM);

	fs->uniques[slot] = header.unique;
	memcpy(in, &header, sizeof(header));
	memcpy(in + IN_HEADER, &call->args, call->len);
	memset(queues_at(&fs->q, out_gpa(fs, slot), OUT_HEADER), 0, OUT_HEADER);
}

static enum vsu_exit fs_submit(struct bench_driver *d, uint32_t slot, struct vsu_error *err)
{
	struct fs *fs = d->self;
	struct call *call = &fs->call;
	const uint64_t in = in_gpa(fs, slot), out = out_gpa(fs, slot);
	const struct vq_buffer buffers[CHAIN] = {
		{ in, IN_HEADER, 0 }, { in + IN_HEADER, call->len, 0 },
		{ out, OUT_HEADER, 1 }, { out + OUT_HEADER, call->room, 1 },
	};

	if (call->form == &forms[READ])
		call->args.read.offset = bench_random(&d->random) % (fs->size / call->room) * call->room;
	write_request(d, slot, call);
	return bench_add(d, 1 + slot / d->stride, buffers, CHAIN, slot, err);
}

static enum vsu_exit fs_complete(struct bench_driver *d, const struct queues_used *used,
				 uint32_t *slot, struct vsu_error *err)
{
	const struct fs *fs = d->self;
	const char *socket = d->load->socket, *name = fs->call.form->name;
	struct fuse_out_header header;

	*slot = (uint32_t)used->cookie;
	memcpy(&header, queues_at(&fs->q, out_gpa(fs, *slot), OUT_HEADER), OUT_HEADER);
	if (used->written < OUT_HEADER || header.len != used->written ||
	    header.len > OUT_HEADER + fs->call.room || header.unique != fs->uniques[*slot]) {
		vsu_error_set(err, -EBADMSG, "'%s': the reply to the FUSE request %s is invalid: %" PRIu32 " bytes written, length %" PRIu32 ", number %" PRIu64 " (expected %" PRIu64 ")",
			      socket, name, used->written, header.len,
			      (uint64_t)header.unique, fs->uniques[*slot]);
		return VSU_EXIT_HOST;
	}
	if (header.error)
		vsu_error_sys(err, header.error, "'%s': the FUSE request %s", socket, name);
	else if (header.len < OUT_HEADER + fs->call.least)
		vsu_error_set(err, -EBADMSG, "'%s': the reply to the FUSE request %s has %" PRIu32 " bytes, fewer than %" PRIu32,
			      socket, name, header.len - OUT_HEADER, fs->call.least);
	else
		return VSU_EXIT_OK;
	return VSU_EXIT_FAIL;
}

/* The call of a kind, on the file of the load or on the folder. */
static struct call make_call(const struct fs *fs, enum kind kind, const struct bench_load *load)
{
	struct call call = {
		.form = &forms[kind], .node = forms[kind].of_folder ? FUSE_ROOT_ID : fs->node,
		.len = forms[kind].len, .room = forms[kind].room, .least = forms[kind].room,
	};

	switch (kind) {
	case INIT:
		call.args.init = (struct fuse_init_in){
			.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = BENCH_MAX_SIZE,
			.flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES,
		};
		break;
	case LOOKUP:
		call.len = (uint32_t)strlen(load->file) + 1;
		memcpy(call.args.name, load->file, call.len);
		break;
	case READ:
		call.room = call.least = load->size;
		call.args.read = (struct fuse_read_in){ .fh = fs->file_handle, .size = load->size };
		break;
	case READDIR:
		call.least = 0;
		call.args.read = (struct fuse_read_in){ .fh = fs->folder_handle, .size = FOLDER_ROOM };
		break;
	default:
		break;
	}
	return call;
}

/* --------------------------------------------------------------------- open */

/* Sends a call alone, as a load of one request, and copies its reply. */
static enum vsu_exit ask(struct bench_driver *d, enum kind kind, void *reply, struct vsu_error *err)
{
	const struct bench_load *load = d->load;
	const struct bench_load one = {
		.socket = load->socket, .queues = 1, .depth = 1, .timeout_ms = load->timeout_ms,
	};
	struct fs *fs = d->self;
	struct bench_stats ignored = { .requests = 0 };
	struct progress none = { .on = false };
	enum vsu_exit status;

	fs->call = make_call(fs, kind, load);
	d->load = &one;
	status = bench_run(d, &none, &ignored, err);
	d->load = load;
	memcpy(reply, queues_at(&fs->q, out_gpa(fs, 0) + OUT_HEADER, fs->call.room), fs->call.room);
	return status;
}

static enum vsu_exit open_file(struct bench_driver *d, struct vsu_error *err)
{
	struct fs *fs = d->self;
	struct fuse_entry_out entry = { .nodeid = 0 };
	struct fuse_open_out opened = { .fh = 0 };
	enum vsu_exit status = ask(d, LOOKUP, &entry, err);

	fs->node = entry.nodeid;
	fs->size = entry.attr.size;
	if (status == VSU_EXIT_OK)
		status = ask(d, OPEN, &opened, err);
	fs->file_handle = opened.fh;
	return status;
}

static enum vsu_exit open_files(struct bench_driver *d, struct vsu_error *err)
{
	struct fs *fs = d->self;
	struct fuse_init_out ignored;
	struct fuse_open_out opened = { .fh = 0 };
	enum vsu_exit status = ask(d, INIT, &ignored, err);

	fs->node = FUSE_ROOT_ID;
	if (status == VSU_EXIT_OK && d->load->file)
		status = open_file(d, err);
	if (status != VSU_EXIT_OK)
		return status;
	status = ask(d, OPENDIR, &opened, err);
	fs->folder_handle = opened.fh;
	return status;
}

static enum vsu_exit fs_open(struct bench_driver *d, struct vsu_error *err)
{
	const struct bench_load *most = d->load;
	const uint64_t slots = (uint64_t)most->queues * most->depth;
	struct fs *fs = d->self;
	struct queues_plan plan = { .n = 1 + most->queues, .slots = most->depth, .chain = CHAIN };
	enum vsu_exit status;

	if (most->file && (strlen(most->file) > MAX_NAME || strchr(most->file, '/'))) {
		vsu_error_set(err, -EINVAL, "option --file: '%s' is not the name of a file in the shared folder",
			      most->file);
		return VSU_EXIT_DATA;
	}
	status = queues_open(&fs->q, most->socket, 0, VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC, err);
	if (status != VSU_EXIT_OK)
		return status;
	d->q = &fs->q;
	d->stride = most->depth;
	fs->out_room = OUT_HEADER + (most->size > FOLDER_ROOM ? most->size : FOLDER_ROOM);
	plan.room = slots * (REQUEST_ROOM + fs->out_room);
	status = queues_start(&fs->q, &plan, err);
	fs->out_gpa = fs->q.room_gpa + slots * REQUEST_ROOM;
	return status == VSU_EXIT_OK ? open_files(d, err) : status;
}

static enum vsu_exit fs_prepare(struct bench_driver *d, struct vsu_error *err)
{
	const struct bench_load *load = d->load;
	struct fs *fs = d->self;

	fs->call = make_call(fs, (enum kind)(load->request - requests), load);
	if (fs->call.form != &forms[READ] || load->size <= fs->size)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL, "option --file: '%s' has %" PRIu64 " bytes, fewer than a request of %" PRIu32,
		      load->file, fs->size, load->size);
	return VSU_EXIT_DATA;
}

const struct bench_device bench_fs = {
	.name = "fs", .sizes = "4k", .requests = requests,
	.preset = "getattr,lookup,read,readdir", .all = "getattr,lookup,read,readdir",
	.min_size = 512, .max_size = BENCH_MAX_SIZE, .self_size = sizeof(struct fs),
	.open = fs_open, .prepare = fs_prepare, .submit = fs_submit, .complete = fs_complete,
};
