/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest of a file system device: requests that an input describes, and the
 * invariants of each reply. A reply has the length of its header and an error of
 * FUSE; each request has its own reply; the queue continues.
 */
#ifndef FUZZ_FS_GUEST_H
#define FUZZ_FS_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fs-folder.h"
#include "fs-server.h"
#include "fs-words.h"
#include "memory.h"
#include "ring.h"

#define FS_GUEST_SLOTS	16u	/* concurrent requests, while some are parked */
#define FS_GUEST_KNOWN	8u

/* Number of requests of all inputs, by operation. */
struct fs_reach {
	uint64_t done[OPCODES], parked, unanswered, broken;
};

struct fs_guest {
	struct memory memory;
	struct virtdev *dev;
	struct vq *q;
	struct vq_driver *driver;
	struct fs_server server;
	struct fs_reach *reach;
	uint32_t busy[FS_GUEST_SLOTS]; /* opcode + 1 of an unanswered request,
					  or 0 */
	uint64_t unique;		/* unique number of the request in the first slot */
	int fds;			/* number of open descriptors at its start */
	struct fs_folder folder;
	uint64_t nodes[FS_GUEST_KNOWN], handles[FS_GUEST_KNOWN];
	unsigned int nnodes, nhandles;
	bool labels;		/* requests that create files can carry security labels */
};

/* Creates memory and a queue, for a device that is created next. The other members are zero. */
void fs_guest_init(struct fs_guest *g, struct fs_reach *reach);
/* Checks that no descriptor is open that was not open before. */
void fs_guest_fini(struct fs_guest *g);
void fs_guest_start(struct fs_guest *g);
/* Parked requests of a stopped queue are never completed. */
void fs_guest_stop(struct fs_guest *g);
/* FUSE_INIT: only the root is known. */
void fs_guest_begin(struct fs_guest *g);
/* Sends a request of the input, and checks the reply unless the request is parked. */
void fs_guest_ask(struct fs_guest *g, struct input *in);
void fs_guest_serve(struct fs_guest *g);
/* Prints the number of requests of each operation. */
void fs_reach_print(const struct fs_reach *reach);

#endif
