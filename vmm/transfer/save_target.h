/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The target of a save: a new folder, or what its owner or client opened. */
#ifndef VMM_TRANSFER_SAVE_TARGET_H
#define VMM_TRANSFER_SAVE_TARGET_H

#include "cvmm/requests.h"
#include "transfer/save_files.h"

/* -EINVAL: a member, or two targets. Before anything is begun. */
int vmm_save_target_check_all(const struct cvmm_save *save, struct vsu_error *err);

void vmm_save_target_init(struct vmm_save_files *s);

/*
 * Called after init. The files are empty, regular, different and open for writing; a folder has none
 * of their names. Close the target in each case.
 */
int vmm_save_target_open(struct vmm_save_files *s, const struct cvmm_save *save,
			 struct vsu_error *err);
void vmm_save_target_close(struct vmm_save_files *s);

/* -EINVAL, -EBADF, -EEXIST: the descriptor of a client is not such a file; err has its name. */
int vmm_save_target_check(int fd, const char *name, struct vsu_error *err);

#endif
