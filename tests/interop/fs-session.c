/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* FUSE requests, one after another, in rings behind a vhost-user socket. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include <virtio-queue/features.h>

#include "fs-session.h"

#define REQUESTS 1u
#define RING_SIZE 128u
#define WAIT_MS 20000

#define RINGS_GPA UINT64_C(0x100000)
#define RING_ROOM UINT64_C(0x10000)
#define IN_GPA UINT64_C(0x200000)
#define OUT_GPA UINT64_C(0x400000)
#define ROOM UINT64_C(0x200000)
#define HALF (ROOM / 2)
#define SIZE (OUT_GPA + ROOM - RINGS_GPA)

static unsigned char *at(const struct fs *fs, uint64_t gpa)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(fs->map), &hint, gpa, ROOM,
				   VMEM_READ | VMEM_WRITE);
}

enum vsu_exit fs_join(struct fs *fs, struct vsu_error *err)
{
	struct vq_driver_config config = {
		.features = VQ_F_VERSION_1, .size = RING_SIZE,
	};
	uint32_t i;

	if (ring_memory(&fs->map, RINGS_GPA, SIZE, err) < 0 ||
	    vhost_user_frontend_set_memory(fs->client.fe, fs->map, err) < 0)
		return VSU_EXIT_HOST;
	config.map = fs->map;
	for (i = 0; i < FS_RINGS; i++) {
		config.gpa = RINGS_GPA + i * RING_ROOM;
		if (ring_open(&fs->rings[i], &config, err) < 0 ||
		    ring_describe(&fs->rings[i], &fs->client, i, err) < 0)
			return VSU_EXIT_HOST;
	}
	if (vhost_user_frontend_start(fs->client.fe, config.features, err) < 0)
		return VSU_EXIT_HOST;
	return client_wait(&fs->client, err);
}

/* Header and payload are two buffers, as in a driver. */
static int request_add(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room)
{
	const uint16_t extensions = (uint16_t)(fs->extensions / 8);
	struct fuse_in_header header = {
		.len = (uint32_t)sizeof(header) + len, .opcode = opcode,
		.unique = ++fs->unique, .nodeid = node, .uid = fs->uid,
		.gid = fs->gid,
	};
	const uint64_t in = IN_GPA + fs->beyond, out = OUT_GPA + fs->beyond;
	const struct vq_buffer buffers[] = {
		{ in, sizeof(header), 0 },
		{ in + sizeof(header), len, 0 },
		{ out, sizeof(struct fuse_out_header), 1 },
		{ out + sizeof(struct fuse_out_header), room, 1 },
	};

	/* total_extlen, which older headers lack */
	memcpy((unsigned char *)&header + 36, &extensions, sizeof(extensions));
	memcpy(at(fs, IN_GPA) + fs->beyond, &header, sizeof(header));
	memcpy(at(fs, IN_GPA) + fs->beyond + sizeof(header), args, len);
	memset(at(fs, OUT_GPA) + fs->beyond, 0, sizeof(struct fuse_out_header));
	return vq_driver_add(fs->rings[REQUESTS].driver, buffers, room ? 4 : 3, 0);
}

static enum vsu_exit answer_judge(struct fs *fs, uint32_t written,
				  uint32_t opcode, struct vsu_error *err)
{
	struct fuse_out_header header;

	memcpy(&header, at(fs, OUT_GPA) + fs->beyond, sizeof(header));
	fs->answer = at(fs, OUT_GPA) + fs->beyond + sizeof(header);
	fs->error = header.error;
	if (!header.error && header.unique == fs->unique &&
	    header.len == written && written >= sizeof(header)) {
		fs->answer_len = written - (uint32_t)sizeof(header);
		return VSU_EXIT_OK;
	}
	vsu_error_set(err, -EBADMSG, "request %" PRIu32 ": error %d, %" PRIu32 " bytes, %" PRIu32 " written",
		      opcode, header.error, header.len, written);
	return VSU_EXIT_FAIL;
}

/* room: size of the reply's payload. */
enum vsu_exit fs_ask(struct fs *fs, uint32_t opcode, uint64_t node,
			 const void *args, uint32_t len, uint32_t room,
			 struct vsu_error *err)
{
	struct ring *r = &fs->rings[REQUESTS];
	uint32_t written;
	uint64_t cookie;
	int rc = request_add(fs, opcode, node, args, len, room);

	if (rc < 0) {
		vsu_error_sys(err, rc, "cannot add a request");
		return VSU_EXIT_HOST;
	}
	ring_kick(r);
	rc = ring_wait(r, &fs->client, WAIT_MS, &cookie, &written, err);
	if (rc == 1)
		return answer_judge(fs, written, opcode, err);
	if (!rc)
		vsu_error_set(err, -ETIMEDOUT, "request %" PRIu32 " is not answered",
			      opcode);
	return VSU_EXIT_HOST;
}

enum vsu_exit fs_leave(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room,
		       struct vsu_error *err)
{
	int rc = request_add(fs, opcode, node, args, len, room);

	if (rc < 0) {
		vsu_error_sys(err, rc, "cannot add a request");
		return VSU_EXIT_HOST;
	}
	ring_kick(&fs->rings[REQUESTS]);
	fs->beyond = HALF;
	return VSU_EXIT_OK;
}

enum vsu_exit fs_forget(struct fs *fs, uint64_t node, struct vsu_error *err)
{
	const struct fuse_forget_in forget = { .nlookup = 1 };
	struct ring *r = &fs->rings[REQUESTS];
	uint32_t written;
	uint64_t cookie;
	int rc = request_add(fs, FUSE_FORGET, node, &forget, sizeof(forget), 0);

	if (rc == 0) {
		ring_kick(r);
		rc = ring_wait(r, &fs->client, WAIT_MS, &cookie, &written, err);
	}
	return rc == 1 ? VSU_EXIT_OK : VSU_EXIT_HOST;
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

enum vsu_exit fs_find_name(struct fs *fs, uint64_t *node, const char *name,
			       struct vsu_error *err)
{
	struct fuse_entry_out entry;
	enum vsu_exit status = fs_ask(fs, FUSE_LOOKUP, *node, name,
				   (uint32_t)strlen(name) + 1, sizeof(entry),
				   err);

	if (status != VSU_EXIT_OK)
		return status;
	memcpy(&entry, fs->answer, sizeof(entry));
	*node = entry.nodeid;
	return entry.nodeid ? VSU_EXIT_OK : VSU_EXIT_FAIL;
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

enum vsu_exit fs_open(struct fs *fs, uint32_t opcode, uint64_t node,
			       uint64_t *handle, struct vsu_error *err)
{
	const struct fuse_open_in how = { .flags = 0 };
	struct fuse_open_out open;
	enum vsu_exit status = fs_ask(fs, opcode, node, &how, sizeof(how),
				   sizeof(open), err);

	if (status == VSU_EXIT_OK) {
		memcpy(&open, fs->answer, sizeof(open));
		*handle = open.fh;
	}
	return status;
}

enum vsu_exit fs_release(struct fs *fs, uint32_t opcode, uint64_t node,
				  uint64_t handle, struct vsu_error *err)
{
	const struct fuse_release_in release = { .fh = handle };

	return fs_ask(fs, opcode, node, &release, sizeof(release), 0, err);
}
