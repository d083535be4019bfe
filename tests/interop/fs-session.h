/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A session of FUSE with a file system behind a vhost-user socket, as a driver has
 * it. Each call asks the device and waits. VSU_EXIT_FAIL: the device said no, and
 * error says why, or that its answer was none.
 */
#ifndef INTEROP_FS_SESSION_H
#define INTEROP_FS_SESSION_H

#include <stdint.h>

#include "ring.h"

/* The queue for what must not wait, which must be there, and that for requests. */
#define FS_RINGS 2u

struct fs {
	struct client client;
	const char *socket;		/* of it, for who connects anew */
	struct vmem_map *map;
	struct ring rings[FS_RINGS];
	uint64_t unique;
	uint64_t beyond;		/* what was left has the room before it */
	uint32_t uid, gid;		/* who asks */
	uint32_t extensions;		/* so many bytes of what follows a header,
					   at its end */
	const unsigned char *answer;	/* behind its header */
	uint32_t answer_len;
	int error;			/* of the device, or 0 */
};

/* Rings and FUSE_INIT, on an open client. */
enum vsu_exit fs_begin(struct fs *fs, struct vsu_error *err);

/* The rings alone: the session is another device's, whose state was moved. */
enum vsu_exit fs_join(struct fs *fs, struct vsu_error *err);

/* room: for what is behind the header of the answer. */
enum vsu_exit fs_ask(struct fs *fs, uint32_t opcode, uint64_t node,
		     const void *args, uint32_t len, uint32_t room,
		     struct vsu_error *err);

/* The same, and nobody waits for the answer, if there ever is one; once. */
enum vsu_exit fs_leave(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room,
		       struct vsu_error *err);

/* One lookup of it less. Nothing is said to that but that it was read. */
enum vsu_exit fs_forget(struct fs *fs, uint64_t node, struct vsu_error *err);

/* The node of one name in the folder *node takes its place. */
enum vsu_exit fs_find_name(struct fs *fs, uint64_t *node, const char *name,
			   struct vsu_error *err);

/* The node of a path, name by name from the root. */
enum vsu_exit fs_find(struct fs *fs, uint64_t *node, const char *path,
		      struct vsu_error *err);

/* opcode: FUSE_OPEN or FUSE_OPENDIR, to read. */
enum vsu_exit fs_open(struct fs *fs, uint32_t opcode, uint64_t node,
		      uint64_t *handle, struct vsu_error *err);

/* opcode: FUSE_RELEASE or FUSE_RELEASEDIR. */
enum vsu_exit fs_release(struct fs *fs, uint32_t opcode, uint64_t node,
			 uint64_t handle, struct vsu_error *err);

#endif
