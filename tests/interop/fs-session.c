/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of a FUSE session that only tests take. */
#define _GNU_SOURCE
#include <config.h>

#include <limits.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include "fs-session.h"

#define WAIT_MS 20000
#define ROOM (2u << 20)

/* A second request may be beside one that is left. */
enum vsu_exit fs_join(struct fs *fs, struct vsu_error *err)
{
	const struct fs_plan plan = {
		.queues = 1, .slots = 2, .in_room = ROOM, .out_room = ROOM,
	};

	fs->timeout_ms = WAIT_MS;
	return fs_start(fs, &plan, err);
}

enum vsu_exit fs_leave(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room,
		       struct vsu_error *err)
{
	const struct fs_call call = {
		.opcode = opcode, .node = node, .args = args, .len = len, .room = room,
	};
	const enum vsu_exit status = fs_add(fs, FS_REQUESTS, fs->slot, &call, err);

	if (status == VSU_EXIT_OK) {
		ring_kick(&fs->q.rings[FS_REQUESTS]);
		fs->slot++;
	}
	return status;
}

enum vsu_exit fs_forget(struct fs *fs, uint64_t node, struct vsu_error *err)
{
	const struct fuse_forget_in forget = { .nlookup = 1 };
	const struct fs_call call = {
		.opcode = FUSE_FORGET, .node = node, .args = &forget, .len = sizeof(forget),
	};
	struct ring *r = &fs->q.rings[FS_REQUESTS];
	uint32_t written;
	uint64_t cookie;

	if (fs_add(fs, FS_REQUESTS, fs->slot, &call, err) != VSU_EXIT_OK)
		return VSU_EXIT_HOST;
	ring_kick(r);
	return ring_wait(r, &fs->q.client, WAIT_MS, &cookie, &written, err) == 1 ?
	       VSU_EXIT_OK : VSU_EXIT_HOST;
}

enum vsu_exit fs_begin(struct fs *fs, struct vsu_error *err)
{
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = 4096,
		.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_INIT_EXT,
		.flags2 = 1u << 2,	/* supplementary groups, as Linux 6.3 */
	};
	enum vsu_exit status = fs_join(fs, err);

	if (status != VSU_EXIT_OK)
		return status;
	return fs_ask(fs, FUSE_INIT, 0, &init, sizeof(init),
		   sizeof(struct fuse_init_out), err);
}

enum vsu_exit fs_find(struct fs *fs, uint64_t *node, const char *path,
			       struct vsu_error *err)
{
	char name[PATH_MAX];
	enum vsu_exit status = VSU_EXIT_OK;
	char *next, *rest = name;

	snprintf(name, sizeof(name), "%s", path);
	*node = FUSE_ROOT_ID;
	while (status == VSU_EXIT_OK && (next = strsep(&rest, "/")))
		if (*next)
			status = fs_find_name(fs, node, next, err);
	return status;
}

enum vsu_exit fs_release(struct fs *fs, uint32_t opcode, uint64_t node,
				  uint64_t handle, struct vsu_error *err)
{
	const struct fuse_release_in release = { .fh = handle };

	return fs_ask(fs, opcode, node, &release, sizeof(release), 0, err);
}
