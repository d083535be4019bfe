/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files of a saved machine (save.h). They are written and synced below another
 * name, and the folder gets its own name when it is complete.
 *
 * Threads: any, one at a time.
 */
#ifndef VMM_TRANSFER_SAVE_FILES_H
#define VMM_TRANSFER_SAVE_FILES_H

#include <vmm-sys-util/state.h>

#include "memory/image.h"
#include "owner/owner.h"

enum { VMM_SAVE_MEMORY, VMM_SAVE_STATE, VMM_SAVE_MACHINE, VMM_SAVE_NFILES };

extern const char *const vmm_save_names[VMM_SAVE_NFILES];

struct vmm_save_files {
	char *folder, *incomplete;	/* paths; incomplete exists. NULL: fds are used */
	const struct vmm_closer *closer; /* of fds; or NULL */
	int fds[VMM_SAVE_NFILES];	/* empty files, owned; -1: not opened yet, with folder */
	bool named;			/* a client opened them by names, which they must keep */
	int folder_fd;			/* a folder that the owner opened; owned, or -1 */
	struct vmem_map *map;		/* of the memory to save */
	struct vmm_memory *memory;	/* its owner; NULL: cannot be lost */
	uint64_t failed;		/* its pieces that were lost before */
	struct vsu_state_writer state;	/* not finished: checksums of memory follow */
	char *const *words;		/* the command line */
	int nwords;
	int pagemap;			/* owned; or a negative number: all memory is read */
	const struct vmm_image_base *base; /* of an incremental save; or NULL */
	struct vmm_image_progress progress;
};

/* A new file of the incomplete folder, or the passed one: s->fds[file], or why not. */
int vmm_save_open_file(struct vmm_save_files *s, unsigned int file,
		       struct vsu_error *err);

/*
 * The folder is complete and gets its name; after a failure it has that of the incomplete one, or
 * err says that this failed too.
 */
int vmm_save_publish(const struct vmm_save_files *s, struct vsu_error *err);

/* Writes all files. -ECANCELED: progress.cancel was set. */
int vmm_save_write_files(struct vmm_save_files *s, struct vsu_error *err);

/*
 * Afterwards: synchronizes the files with the disk, and publishes the folder, if there is one.
 * -ECANCELED: progress.cancel was set before that; -ENOENT: the client removed a file.
 */
int vmm_save_sync_files(struct vmm_save_files *s, struct vsu_error *err);

/* Removes the incomplete folder, or the files of folder_fd; a client removes its own. */
void vmm_save_remove_files(const struct vmm_save_files *s);

#endif
