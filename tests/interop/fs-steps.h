/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The life of a file in a shared folder, request by request: create, write,
 * read, rename, look up, create and remove a folder, remove.
 */
#ifndef INTEROP_FS_STEPS_H
#define INTEROP_FS_STEPS_H

#include <stdint.h>

#define FS_STEP_BYTES 4096u	/* of a file */
#define FS_STEP_QUIET UINT32_MAX
#define FS_STEPS 12u

struct fs_life {
	unsigned int index, step, turn;
	uint64_t node, folder, handle, lookups, folder_lookups;
	uint64_t version;		/* version of the content */
	uint64_t unique;		/* of its request; 0: none is open */
};

struct fs_request {
	uint64_t node;
	unsigned char args[FS_STEP_BYTES + 256];
	uint32_t len;
	uint32_t answer;	/* expected size of the payload; FS_STEP_QUIET: no reply */
};
/*
 * ask builds the request of a step; hear checks the payload of its reply, and
 * ends the process if that is wrong. NULL: empty.
 */
struct fs_step {
	uint32_t opcode;
	void (*ask)(struct fs_life *f, struct fs_request *r);
	void (*hear)(struct fs_life *f, const unsigned char *answer);
};
extern const struct fs_step fs_steps[FS_STEPS];

#endif
