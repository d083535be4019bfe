/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A FUSE session with a file system behind a vhost-user socket, in the role of
 * the driver. Each call sends a request and waits. VSU_EXIT_FAIL: the device
 * returned an error, or an invalid reply; see error.
 */
#ifndef INTEROP_FS_SESSION_H
#define INTEROP_FS_SESSION_H

#include <stdint.h>

#include "ring.h"

/* The high-priority queue, which must exist, and the request queue. */
#define FS_RINGS 2u

struct fs {
	struct client client;
	const char *socket;		/* for reconnection */
	struct vmem_map *map;
	struct ring rings[FS_RINGS];
	uint64_t unique;
	uint64_t beyond;		/* detached requests use the memory before it */
	uint32_t uid, gid;		/* user and group of requests */
	uint32_t extensions;		/* length of the extensions at the end of a payload */
	const unsigned char *answer;	/* payload of the reply */
	uint32_t answer_len;
	int error;			/* the device's, or 0 */
};

/* Sets up the rings and sends FUSE_INIT, on an open client. */
enum vsu_exit fs_begin(struct fs *fs, struct vsu_error *err);

/* Sets up the rings only: the session was moved from another device. */
enum vsu_exit fs_join(struct fs *fs, struct vsu_error *err);

/* room: size of the reply's payload. */
enum vsu_exit fs_ask(struct fs *fs, uint32_t opcode, uint64_t node,
		     const void *args, uint32_t len, uint32_t room,
		     struct vsu_error *err);

/* Sends a request as fs_ask() does, without waiting for its reply; once. */
enum vsu_exit fs_leave(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room,
		       struct vsu_error *err);

/* Releases one lookup. FUSE has no reply to that; waits until it was read. */
enum vsu_exit fs_forget(struct fs *fs, uint64_t node, struct vsu_error *err);

/* Replaces *node by the node of one name in that folder. */
enum vsu_exit fs_find_name(struct fs *fs, uint64_t *node, const char *name,
			   struct vsu_error *err);

/* Finds the node of a path, name by name from the root. */
enum vsu_exit fs_find(struct fs *fs, uint64_t *node, const char *path,
		      struct vsu_error *err);

/* opcode: FUSE_OPEN or FUSE_OPENDIR, for reading. */
enum vsu_exit fs_open(struct fs *fs, uint32_t opcode, uint64_t node,
		      uint64_t *handle, struct vsu_error *err);

/* opcode: FUSE_RELEASE or FUSE_RELEASEDIR. */
enum vsu_exit fs_release(struct fs *fs, uint32_t opcode, uint64_t node,
			 uint64_t handle, struct vsu_error *err);

#endif
