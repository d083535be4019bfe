/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the guest's memory into a file, on several threads. */
#ifndef VMM_MEMORY_IMAGE_WRITER_H
#define VMM_MEMORY_IMAGE_WRITER_H

#include "memory/memory.h"

/* Any thread may read the numbers and set cancel, by atomic accesses. */
struct vmm_image_progress {
	uint64_t done, total;	/* bytes of memory */
	bool cancel;
};

/*
 * Writes the regions of the map in its order into an empty file, which gets holes in
 * place of zeros. Nobody changes the memory meanwhile. -ECANCELED; else why a write
 * failed.
 */
int vmm_image_write(const struct vmem_map *map, int fd,
		    struct vmm_image_progress *progress, struct vsu_error *err);

/* Bytes from the first on that are all zeros or all not, by pages, up to 1 MiB. */
uint64_t vmm_image_run(const unsigned char *bytes, uint64_t left, bool *zeros);

#endif
