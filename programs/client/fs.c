/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* FUSE requests in the rings of a session. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "fs.h"

#define IN_HEADER ((uint32_t)sizeof(struct fuse_in_header))
#define OUT_HEADER ((uint32_t)sizeof(struct fuse_out_header))
/* Offset of total_extlen in a request's header, which older kernel headers lack. */
#define EXTENSIONS 36u

enum vsu_exit fs_start(struct fs *fs, const struct fs_plan *plan, struct vsu_error *err)
{
	const struct queues_plan queues = {
		.n = FS_REQUESTS + plan->queues, .slots = plan->slots, .chain = FS_CHAIN,
		.room = (uint64_t)plan->queues * plan->slots * (plan->in_room + plan->out_room),
	};

	fs->plan = *plan;
	return queues_start(&fs->q, &queues, err);
}

/* ----------------------------------------------------------------- requests */

static uint64_t in_gpa(const struct fs *fs, uint32_t slot)
{
	return fs->q.room_gpa + (uint64_t)slot * fs->plan.in_room;
}

static uint64_t out_gpa(const struct fs *fs, uint32_t slot)
{
	return in_gpa(fs, fs->plan.queues * fs->plan.slots) + (uint64_t)slot * fs->plan.out_room;
}

static void write_request(struct fs *fs, uint32_t slot, const struct fs_call *call)
{
	const uint16_t extensions = (uint16_t)(fs->extensions / 8);
	const struct fuse_in_header header = {
		.len = IN_HEADER + call->len, .opcode = call->opcode, .unique = ++fs->unique,
		.nodeid = call->node, .uid = fs->uid, .gid = fs->gid,
	};
	unsigned char *in = queues_at(&fs->q, in_gpa(fs, slot), fs->plan.in_room);

	fs->uniques[slot] = header.unique;
	memcpy(in, &header, sizeof(header));
	memcpy(in + EXTENSIONS, &extensions, sizeof(extensions));
	memcpy(in + IN_HEADER, call->args, call->len);
	memset(queues_at(&fs->q, out_gpa(fs, slot), OUT_HEADER), 0, OUT_HEADER);
}

enum vsu_exit fs_add(struct fs *fs, uint32_t ring, uint32_t slot, const struct fs_call *call,
		     struct vsu_error *err)
{
	const uint64_t in = in_gpa(fs, slot), out = out_gpa(fs, slot);
	const struct vq_buffer buffers[FS_CHAIN] = {
		{ in, IN_HEADER, 0 }, { in + IN_HEADER, call->len, 0 },
		{ out, OUT_HEADER, 1 }, { out + OUT_HEADER, call->room, 1 },
	};
	int rc;

	write_request(fs, slot, call);
	rc = vq_driver_add(fs->q.rings[ring].driver, buffers,
			   call->room ? FS_CHAIN : FS_CHAIN - 1, slot);
	if (rc == 0)
		return VSU_EXIT_OK;
	vsu_error_sys(err, rc, "'%s': cannot add a request to its ring", fs->q.client.socket);
	return VSU_EXIT_HOST;
}

/* ------------------------------------------------------------------ replies */

/* The name of an opcode, or its number. */
static const char *name_of(uint32_t opcode, char *number, size_t size)
{
	static const char *const names[] = {
		[FUSE_LOOKUP] = "LOOKUP", [FUSE_GETATTR] = "GETATTR", [FUSE_OPEN] = "OPEN",
		[FUSE_READ] = "READ", [FUSE_INIT] = "INIT", [FUSE_OPENDIR] = "OPENDIR",
		[FUSE_READDIR] = "READDIR",
	};

	if (opcode < sizeof(names) / sizeof(names[0]) && names[opcode])
		return names[opcode];
	snprintf(number, size, "%" PRIu32, opcode);
	return number;
}

enum vsu_exit fs_judge(struct fs *fs, uint32_t slot, const struct fs_call *call,
		       uint32_t written, struct vsu_error *err)
{
	const unsigned char *out = queues_at(&fs->q, out_gpa(fs, slot), fs->plan.out_room);
	const char *socket = fs->q.client.socket;
	struct fuse_out_header header;
	char number[16];
	const char *name = name_of(call->opcode, number, sizeof(number));

	memcpy(&header, out, OUT_HEADER);
	fs->error = 0;
	if (written < OUT_HEADER || header.len != written ||
	    header.len > OUT_HEADER + call->room || header.unique != fs->uniques[slot]) {
		vsu_error_set(err, -EBADMSG, "'%s': the reply to the FUSE request %s is invalid: %" PRIu32 " bytes written, length %" PRIu32 ", number %" PRIu64 " (expected %" PRIu64 ")",
			      socket, name, written, header.len, (uint64_t)header.unique,
			      fs->uniques[slot]);
		return VSU_EXIT_HOST;
	}
	fs->error = header.error;
	fs->answer = out + OUT_HEADER;
	fs->answer_len = header.len - OUT_HEADER;
	if (header.error)
		vsu_error_sys(err, header.error, "'%s': the FUSE request %s", socket, name);
	else if (fs->answer_len < call->least)
		vsu_error_set(err, -EBADMSG, "'%s': the reply to the FUSE request %s has %" PRIu32 " bytes, fewer than %" PRIu32,
			      socket, name, fs->answer_len, call->least);
	else
		return VSU_EXIT_OK;
	return VSU_EXIT_FAIL;
}

/* ----------------------------------------------------------- one at a time */

static enum vsu_exit ask_call(struct fs *fs, const struct fs_call *call, struct vsu_error *err)
{
	struct ring *r = &fs->q.rings[FS_REQUESTS];
	const enum vsu_exit status = fs_add(fs, FS_REQUESTS, fs->slot, call, err);
	char number[16];
	uint32_t written;
	uint64_t cookie;
	int rc;

	if (status != VSU_EXIT_OK)
		return status;
	ring_kick(r);
	rc = ring_wait(r, &fs->q.client, fs->timeout_ms, &cookie, &written, err);
	if (rc == 1)
		return fs_judge(fs, fs->slot, call, written, err);
	if (rc == 0)
		vsu_error_set(err, -ETIMEDOUT, "'%s': the FUSE request %s did not complete within %dms",
			      fs->q.client.socket, name_of(call->opcode, number, sizeof(number)),
			      fs->timeout_ms);
	return VSU_EXIT_HOST;
}

enum vsu_exit fs_ask(struct fs *fs, uint32_t opcode, uint64_t node, const void *args,
		     uint32_t len, uint32_t room, struct vsu_error *err)
{
	const struct fs_call call = {
		.opcode = opcode, .node = node, .args = args, .len = len, .room = room,
	};

	return ask_call(fs, &call, err);
}

enum vsu_exit fs_find_name(struct fs *fs, uint64_t *node, const char *name,
			   struct vsu_error *err)
{
	struct fuse_entry_out entry;
	const struct fs_call call = {
		.opcode = FUSE_LOOKUP, .node = *node, .args = name, .len = (uint32_t)strlen(name) + 1,
		.room = sizeof(entry), .least = sizeof(entry),
	};
	const enum vsu_exit status = ask_call(fs, &call, err);

	if (status != VSU_EXIT_OK)
		return status;
	memcpy(&entry, fs->answer, sizeof(entry));
	*node = entry.nodeid;
	if (entry.nodeid)
		return VSU_EXIT_OK;
	vsu_error_sys(err, -ENOENT, "'%s': the FUSE request LOOKUP", fs->q.client.socket);
	return VSU_EXIT_FAIL;
}

enum vsu_exit fs_open(struct fs *fs, uint32_t opcode, uint64_t node, uint64_t *handle,
		      struct vsu_error *err)
{
	const struct fuse_open_in how = { .flags = 0 };
	struct fuse_open_out opened;
	const struct fs_call call = {
		.opcode = opcode, .node = node, .args = &how, .len = sizeof(how),
		.room = sizeof(opened), .least = sizeof(opened),
	};
	const enum vsu_exit status = ask_call(fs, &call, err);

	if (status == VSU_EXIT_OK) {
		memcpy(&opened, fs->answer, sizeof(opened));
		*handle = opened.fh;
	}
	return status;
}
