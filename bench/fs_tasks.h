/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* FUSE requests of bench-fs, on one session. */
#ifndef BENCH_FS_TASKS_H
#define BENCH_FS_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "contest.h"
#include "fs-session.h"

#define FS_TASKS 18u
#define FS_COLD 16u		/* the first task that requires a disk */
#define FS_FILE_SIZE (UINT64_C(64) << 20)
#define FS_NAMES 100u		/* of the folder that is listed */

struct fs_load {
	struct fs fs;
	uint64_t file, handle, listed;	/* nodes, and an open file */
	uint64_t random, count;		/* of offsets */
	int fd;				/* the host's, of file */
	struct vsu_error error;
};

struct fs_task {
	struct contest_fact fact;
	bool (*run)(struct fs_load *s, uint32_t size, bool random);
	uint32_t size;			/* of a read or write */
	bool random;
};

extern const struct fs_task fs_tasks[FS_TASKS];

/* Waits for the reply; room: size of its payload. */
bool fs_is_answered(struct fs_load *s, uint32_t opcode, uint64_t node, const void *args,
		    size_t len, uint32_t room);

#endif
