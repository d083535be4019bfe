/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the guest's memory into a file, on several threads. */
#ifndef VMM_MEMORY_IMAGE_WRITER_H
#define VMM_MEMORY_IMAGE_WRITER_H

#include "memory/memory.h"
#include "base/thread.h"

/* Any thread may read the numbers and set cancel, by atomic accesses. */
struct vmm_image_progress {
	const struct prog_threads *threads; /* that write; or NULL */
	uint64_t done, total;	/* bytes of memory */
	bool cancel;
};

/*
 * Writes the regions of the map in its order into an empty file, which gets holes in
 * place of zeros. Nobody changes the memory meanwhile. -ECANCELED; -EFAULT: a file behind
 * the memory was truncated; else why a write failed.
 */
int vmm_image_write(const struct vmem_map *map, int fd,
		    struct vmm_image_progress *progress, struct vsu_error *err);

/*
 * Moves *at, an offset in the region, to the next data (SEEK_DATA) or hole (SEEK_HOLE) of
 * the file behind shared memory, at most to the end of the region. Memory without such a
 * file is all data. -EFAULT: the file was truncated and does not reach that end.
 */
int vmm_image_seek(const struct vmem_region *r, int whence, uint64_t *at);

/* Bytes from the first on that are all zeros or all not, by pages, up to 1 MiB. */
uint64_t vmm_image_run(const unsigned char *bytes, uint64_t left, bool *zeros);

#endif
