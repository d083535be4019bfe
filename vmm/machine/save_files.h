/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files of a saved machine (save.h). They are written and synced below another
 * name, and the folder gets its own name when it is complete.
 *
 * Threads: any, one at a time.
 */
#ifndef VMM_MACHINE_SAVE_FILES_H
#define VMM_MACHINE_SAVE_FILES_H

#include "memory/image_writer.h"
#include "state/sections.h"

struct vmm_save_files {
	char *folder, *incomplete;	/* paths; incomplete exists */
	struct vmem_map *map;		/* of the memory to save */
	struct vmm_state_writer state;	/* finished */
	char *const *words;		/* the command line */
	int nwords;
	struct vmm_image_progress progress;
};

int vmm_save_write_files(struct vmm_save_files *s, struct vsu_error *err);

/* Removes the incomplete folder. */
void vmm_save_remove_files(const struct vmm_save_files *s);

#endif
