/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The life of a file in a folder that a device shares, request by request: made,
 * written, read, renamed, looked up, beside a folder that is made and removed, and
 * in the end removed.
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
	uint64_t version;		/* of what is in the file */
	uint64_t unique;		/* of its request; 0: there is none */
};

struct fs_request {
	uint64_t node;
	unsigned char args[FS_STEP_BYTES + 256];
	uint32_t len;
	uint32_t answer;	/* bytes behind its header; FS_STEP_QUIET: there is no answer */
};
/*
 * ask makes the request of a step; hear has what is behind the header of its answer,
 * and ends the process when that is wrong. NULL: nothing is there.
 */
struct fs_step {
	uint32_t opcode;
	void (*ask)(struct fs_life *f, struct fs_request *r);
	void (*hear)(struct fs_life *f, const unsigned char *answer);
};
extern const struct fs_step fs_steps[FS_STEPS];

#endif
