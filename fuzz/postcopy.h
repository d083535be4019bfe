/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The two ends of a migration after the switch to post-copy, for fuzz targets. Each
 * compares memory with a model.
 */
#ifndef FUZZ_POSTCOPY_H
#define FUZZ_POSTCOPY_H

#include "memory/memory.h"
#include "migration/stream.h"

struct postcopy {
	struct vmem_map *map;
	struct vmm_memory memory; /* blocks that can be missing: one region, at 0 */
	unsigned char *model;	/* content of the memory */
	uint64_t len;		/* up to 64 pages */
	uint64_t listed, placed, served; /* number of sections, pages and requests */
};

/*
 * *section is the first list of missing pages. Reads all lists, and the pages if
 * userfaultfd is permitted; *section becomes the next section.
 */
int postcopy_read_missing(struct postcopy *p, struct vmm_stream *s,
			  struct vsu_state_section *section, struct vsu_error *err);

/* Serves requests until the peer has everything. */
int postcopy_serve(struct postcopy *p, struct vmm_stream *s, struct vsu_error *err);

#endif
