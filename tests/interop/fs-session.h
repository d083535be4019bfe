/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of a FUSE session that only tests take: see <fs.h>. Each call waits unless it says so. */
#ifndef INTEROP_FS_SESSION_H
#define INTEROP_FS_SESSION_H

#include <fs.h>

/* Sets up the rings and sends FUSE_INIT, on open queues. */
enum vsu_exit fs_begin(struct fs *fs, struct vsu_error *err);

/* Sets up the rings only: the session was moved from another device. */
enum vsu_exit fs_join(struct fs *fs, struct vsu_error *err);

/* Sends a request as fs_ask() does, without waiting for its reply; once. */
enum vsu_exit fs_leave(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room,
		       struct vsu_error *err);

/* Releases one lookup. FUSE has no reply to that; waits until it was read. */
enum vsu_exit fs_forget(struct fs *fs, uint64_t node, struct vsu_error *err);

/* Finds the node of a path, name by name from the root. */
enum vsu_exit fs_find(struct fs *fs, uint64_t *node, const char *path,
		      struct vsu_error *err);

/* opcode: FUSE_RELEASE or FUSE_RELEASEDIR. */
enum vsu_exit fs_release(struct fs *fs, uint32_t opcode, uint64_t node,
			 uint64_t handle, struct vsu_error *err);

#endif
