/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver of a file system behind a vhost-user socket: reads the file NAME
 * of its root and writes what is in it to the standard output.
 *
 *   fs-driver SOCKET NAME
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

#include <virtio-queue/features.h>

#include "ring.h"

/* The queue for what must not wait, which must be there, and that for requests. */
#define RINGS 2u
#define REQUESTS 1u
#define RING_SIZE 128u
#define WAIT_MS 20000

#define RINGS_GPA UINT64_C(0x100000)
#define RING_ROOM UINT64_C(0x10000)
#define IN_GPA UINT64_C(0x200000)
#define OUT_GPA UINT64_C(0x300000)
#define ROOM UINT64_C(0x100000)
#define SIZE (OUT_GPA + ROOM - RINGS_GPA)
/* Not a divisor of anybody's page, so that reads begin anywhere. */
#define PIECE 65000u

struct fs {
	struct client client;
	struct vmem_map *map;
	struct ring rings[RINGS];
	uint64_t unique;
	const unsigned char *answer;	/* behind its header */
	uint32_t answer_len;
};

static unsigned char *at(const struct fs *fs, uint64_t gpa)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(fs->map), &hint, gpa, ROOM,
				   VMEM_READ | VMEM_WRITE);
}

static enum vsu_exit start(struct fs *fs, struct vsu_error *err)
{
	struct vq_driver_config config = {
		.features = VQ_F_VERSION_1, .size = RING_SIZE,
	};
	uint32_t i;

	if (ring_memory(&fs->map, RINGS_GPA, SIZE, err) < 0 ||
	    vhost_user_frontend_set_memory(fs->client.fe, fs->map, err) < 0)
		return VSU_EXIT_HOST;
	config.map = fs->map;
	for (i = 0; i < RINGS; i++) {
		config.gpa = RINGS_GPA + i * RING_ROOM;
		if (ring_open(&fs->rings[i], &config, err) < 0 ||
		    ring_describe(&fs->rings[i], &fs->client, i, err) < 0)
			return VSU_EXIT_HOST;
	}
	if (vhost_user_frontend_start(fs->client.fe, config.features, err) < 0)
		return VSU_EXIT_HOST;
	return client_wait(&fs->client, err);
}

/* The header and what follows it are two pieces, as a driver has them. */
static int request_add(struct fs *fs, uint32_t opcode, uint64_t node,
		       const void *args, uint32_t len, uint32_t room)
{
	const struct fuse_in_header header = {
		.len = (uint32_t)sizeof(header) + len, .opcode = opcode,
		.unique = ++fs->unique, .nodeid = node,
	};
	const struct vq_buffer buffers[] = {
		{ IN_GPA, sizeof(header), 0 },
		{ IN_GPA + sizeof(header), len, 0 },
		{ OUT_GPA, sizeof(struct fuse_out_header), 1 },
		{ OUT_GPA + sizeof(struct fuse_out_header), room, 1 },
	};

	memcpy(at(fs, IN_GPA), &header, sizeof(header));
	memcpy(at(fs, IN_GPA) + sizeof(header), args, len);
	memset(at(fs, OUT_GPA), 0, sizeof(struct fuse_out_header));
	return vq_driver_add(fs->rings[REQUESTS].driver, buffers, room ? 4 : 3, 0);
}

static enum vsu_exit answer_judge(struct fs *fs, uint32_t written,
				  uint32_t opcode, struct vsu_error *err)
{
	struct fuse_out_header header;

	memcpy(&header, at(fs, OUT_GPA), sizeof(header));
	fs->answer = at(fs, OUT_GPA) + sizeof(header);
	if (!header.error && header.unique == fs->unique &&
	    header.len == written && written >= sizeof(header)) {
		fs->answer_len = written - (uint32_t)sizeof(header);
		return VSU_EXIT_OK;
	}
	vsu_error_set(err, -EBADMSG, "request %" PRIu32 ": error %d, %" PRIu32 " bytes, %" PRIu32 " written",
		      opcode, header.error, header.len, written);
	return VSU_EXIT_FAIL;
}

/* room: for what is behind the header of the answer. */
static enum vsu_exit ask(struct fs *fs, uint32_t opcode, uint64_t node,
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

static enum vsu_exit file_print(struct fs *fs, uint64_t node, uint64_t handle,
				struct vsu_error *err)
{
	struct fuse_read_in read = { .fh = handle, .size = PIECE };
	enum vsu_exit status;

	do {
		status = ask(fs, FUSE_READ, node, &read, sizeof(read), PIECE, err);
		if (status != VSU_EXIT_OK)
			return status;
		fwrite(fs->answer, 1, fs->answer_len, stdout);
		read.offset += fs->answer_len;
	} while (fs->answer_len);
	return fflush(stdout) ? VSU_EXIT_HOST : VSU_EXIT_OK;
}

static enum vsu_exit file_read(struct fs *fs, const char *name,
			       struct vsu_error *err)
{
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = 4096,
	};
	struct fuse_open_in how = { .flags = 0 };
	struct fuse_release_in release = { .fh = 0 };
	struct fuse_entry_out entry;
	struct fuse_open_out open;
	enum vsu_exit status;

	status = ask(fs, FUSE_INIT, 0, &init, sizeof(init),
		     sizeof(struct fuse_init_out), err);
	if (status == VSU_EXIT_OK)
		status = ask(fs, FUSE_LOOKUP, FUSE_ROOT_ID, name,
			     (uint32_t)strlen(name) + 1, sizeof(entry), err);
	if (status != VSU_EXIT_OK)
		return status;
	memcpy(&entry, fs->answer, sizeof(entry));
	status = ask(fs, FUSE_OPEN, entry.nodeid, &how, sizeof(how),
		     sizeof(open), err);
	if (status != VSU_EXIT_OK)
		return status;
	memcpy(&open, fs->answer, sizeof(open));
	status = file_print(fs, entry.nodeid, open.fh, err);
	release.fh = open.fh;
	if (status == VSU_EXIT_OK)
		status = ask(fs, FUSE_RELEASE, entry.nodeid, &release,
			     sizeof(release), 0, err);
	return status;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct fs fs = { .map = NULL, .unique = 0 };
	enum vsu_exit status;

	if (argc != 3 || strlen(argv[2]) > 255) {
		fprintf(stderr, "use: fs-driver SOCKET NAME\n");
		return VSU_EXIT_USAGE;
	}
	fs.rings[0] = fs.rings[1] = RING_NONE;
	status = client_open(&fs.client, argv[1], 0, &err);
	if (status == VSU_EXIT_OK) {
		status = start(&fs, &err);
		if (status == VSU_EXIT_OK)
			status = file_read(&fs, argv[2], &err);
		client_close(&fs.client);
		ring_close(&fs.rings[0]);
		ring_close(&fs.rings[1]);
		vmem_map_unref(fs.map);
	}
	if (status != VSU_EXIT_OK)
		fprintf(stderr, "%s\n", err.msg);
	return status;
}
