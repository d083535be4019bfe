/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end on the calling thread that maps pieces of a file into a shared memory
 * region, and a front-end on another thread. One rig per process.
 */
#ifndef BENCH_SHMEM_RIG_H
#define BENCH_SHMEM_RIG_H

#include <stdbool.h>
#include <stdint.h>

#define SHMEM_RIG_PAGE UINT64_C(4096)
/*
 * Maximum mappings that shmem_rig_hold() keeps; only every second page, to prevent
 * merging. Pieces from SHMEM_RIG_FREE on are unused.
 */
#define SHMEM_RIG_HELD 4096u
#define SHMEM_RIG_FREE (2 * SHMEM_RIG_HELD)

struct shmem_requests {
	uint64_t len;		/* of a piece */
	unsigned int batch;	/* maps sent together, then unmaps */
	unsigned int first;	/* number of the first piece */
};

void shmem_rig_open(void);
void shmem_rig_close(void);

/* n maps and unmaps; opaque: struct shmem_requests. */
void shmem_rig_run(void *opaque, uint64_t n);
/* Maps pages until n are held. */
void shmem_rig_hold(unsigned int n);

#endif
