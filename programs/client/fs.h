/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A FUSE session with a file system behind a vhost-user socket (VIRTIO 1.3, 5.11), in the
 * role of the driver: requests of the caller in slots, or one after another.
 */
#ifndef CLIENT_FS_H
#define CLIENT_FS_H

#include <stdint.h>

#include "queues.h"

#define FS_MAX_SLOTS 4096u
/* The ring behind the one for FORGET. */
#define FS_REQUESTS 1u
/* Headers and payloads are four buffers, as a kernel has them. */
#define FS_CHAIN 4u

/* Requirements of a session. */
struct fs_plan {
	uint32_t queues;	/* of requests */
	uint32_t slots;		/* of each */
	uint32_t in_room;	/* bytes of a request, with its header */
	uint32_t out_room;	/* bytes of a reply, with its header */
};

/* A request and its reply, without the headers. */
struct fs_call {
	uint32_t opcode;
	uint64_t node;
	const void *args;
	uint32_t len, room;	/* bytes of arguments, and of the reply at most */
	uint32_t least;		/* bytes of the reply at least */
};

struct fs {
	struct queues q;		/* open, before fs_start() */
	struct fs_plan plan;
	int timeout_ms;			/* for a reply, of calls that wait */
	uint32_t uid, gid;		/* user and group of requests */
	uint32_t extensions;		/* length of the extensions at the end of a payload */
	uint32_t slot;			/* of calls that wait */
	uint64_t unique;		/* number of the last request */
	uint64_t uniques[FS_MAX_SLOTS];	/* by slot */
	const unsigned char *answer;	/* payload of the last valid reply */
	uint32_t answer_len;
	int error;			/* the device's, or 0 */
};

/* Sets up the rings only: the session may have moved from another device. */
enum vsu_exit fs_start(struct fs *fs, const struct fs_plan *plan, struct vsu_error *err);

/* Adds the request of a slot, which is its cookie, to a ring. */
enum vsu_exit fs_add(struct fs *fs, uint32_t ring, uint32_t slot, const struct fs_call *call,
		     struct vsu_error *err);
/*
 * Judges the reply in a slot. VSU_EXIT_FAIL: the device returned an error, which is in
 * fs->error, or too few bytes; VSU_EXIT_HOST: it is invalid.
 */
enum vsu_exit fs_judge(struct fs *fs, uint32_t slot, const struct fs_call *call,
		       uint32_t written, struct vsu_error *err);

/* Sends a request and waits for its reply, as those below; room: the reply's payload. */
enum vsu_exit fs_ask(struct fs *fs, uint32_t opcode, uint64_t node, const void *args,
		     uint32_t len, uint32_t room, struct vsu_error *err);
/* Replaces *node by the node of one name in that folder; the answer is its fuse_entry_out. */
enum vsu_exit fs_find_name(struct fs *fs, uint64_t *node, const char *name,
			   struct vsu_error *err);
/* opcode: FUSE_OPEN or FUSE_OPENDIR, for reading. */
enum vsu_exit fs_open(struct fs *fs, uint32_t opcode, uint64_t node, uint64_t *handle,
		      struct vsu_error *err);

#endif
