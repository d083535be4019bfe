/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory as a file: its regions one after the other, with holes in place
 * of zeros (image_writer.h).
 *
 * Threads: any, while nobody changes the memory.
 */
#ifndef VMM_MEMORY_IMAGE_H
#define VMM_MEMORY_IMAGE_H

#include "memory/memory.h"
#include "state/sections.h"

/* Appends section "memory": where the file has each region of the map. */
void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vmm_state_writer *w);

/*
 * Property lists for --memory that map the file at path, privately; shared: of new
 * shared memory, for vmm_image_read().
 */
struct vmm_image_lists {
	char *text[VMM_MAX_MEMORY];
	unsigned int n;
};

/* -EBADMSG: such memory is impossible. Free the lists in each case. */
int vmm_image_lists(const struct vmm_state *state, const char *path,
		    bool shared, struct vmm_image_lists *lists,
		    struct vsu_error *err);
/* Reads the content of the file at path into the regions of the section. */
int vmm_image_read(const struct vmm_state *state, const char *path,
		   const struct vmem_map *map, struct vsu_error *err);
void vmm_image_lists_free(struct vmm_image_lists *lists);

#endif
