/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory as a file: its regions one after the other, with holes in place
 * of zeros (image_writer.h). The state has their addresses in section "memory", and
 * those of memory that a device has added in section "plugged".
 *
 * Threads: any, while nobody changes the memory.
 */
#ifndef VMM_MEMORY_IMAGE_H
#define VMM_MEMORY_IMAGE_H

#include "memory/memory.h"
#include "state/sections.h"

/* Appends the sections: address, length and position in the file of each region. */
void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vmm_state_writer *w);

/*
 * Property lists for --memory. They map the file at path privately or, if shared, allocate
 * shared memory into which vmm_image_read() reads the file.
 */
struct vmm_image_lists {
	char *text[VMM_MAX_MEMORY];
	unsigned int n;
};

/* -EBADMSG: the section describes impossible memory. Free the lists also after a failure. */
int vmm_image_lists(const struct vmm_state *state, const char *path,
		    bool shared, struct vmm_image_lists *lists,
		    struct vsu_error *err);
/* Reads the content of the file at path into the regions of a section. */
int vmm_image_read(const struct vmm_state *state, const char *section,
		   const char *path, const struct vmem_map *map,
		   struct vsu_error *err);
void vmm_image_lists_free(struct vmm_image_lists *lists);

#endif
