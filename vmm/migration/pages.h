/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Guest memory in a stream: sections "pages" and "zeros".
 *
 * Threads: confined. The guest may write to the memory meanwhile: such a page is
 * logged, and sent again.
 */
#ifndef VMM_MIGRATION_PAGES_H
#define VMM_MIGRATION_PAGES_H

#include "migration/page_set.h"
#include "migration/stream.h"

/* Sends the pages of a run, those of zeros without content. */
int vmm_pages_send(struct vmm_stream *s, const struct vmm_page_run *run,
		   struct vsu_error *err);

/*
 * Sends the content of ROM, which the destination compares with that of its own file. It
 * is in no set of pages.
 */
int vmm_pages_send_rom(struct vmm_stream *s, const struct vmm_memory *memory,
		       const struct vmem_map *map, struct vsu_error *err);

/*
 * Sends holes (vmm_image_seek()) as zeros, each over the stream of its part, and removes them
 * from the set. pagemap: /proc/self/pagemap, or NULL.
 */
int vmm_pages_send_holes(struct vmm_stream *const *streams, unsigned int nstreams,
			 struct vmm_page_set *set, const int *pagemap, struct vsu_error *err);

/* The content of a section "pages" or "zeros". */
struct vmm_pages_part {
	uint64_t gpa, len;
	const unsigned char *bytes;	/* part of the section; NULL: zeros */
};

/* Reads such a section. Returns 1 if it is another one. Any thread. */
int vmm_pages_read(const struct vsu_state_section *section, struct vmm_pages_part *out,
		   struct vsu_error *err);

/* Returns -EBADMSG, because the part is not in memory. */
int vmm_pages_refuse(const struct vmm_pages_part *part, struct vsu_error *err);

/*
 * Stores a received section into the guest's memory, or compares it with ROM. Returns 1
 * if it is another one. -EBADMSG: its range is not memory, or the ROM has other content.
 * Any thread.
 */
int vmm_pages_receive(const struct vmem_map *map,
		      const struct vsu_state_section *section,
		      struct vsu_error *err);

#endif
