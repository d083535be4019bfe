/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The target of "save": a new folder, or files that the client opened. */
#ifndef VMM_MACHINE_SAVE_TARGET_H
#define VMM_MACHINE_SAVE_TARGET_H

#include "control/passed.h"
#include "machine/save_files.h"

void vmm_save_target_init(struct vmm_save_files *s);

/*
 * After init. words: a folder, or the descriptors of the memory, the state and the command
 * line. The files are empty, regular, different and open for writing. Close the target in each case.
 */
int vmm_save_target_open(struct vmm_save_files *s, char *const *words,
			 struct vmm_passed *passed, struct vsu_error *err);
void vmm_save_target_close(struct vmm_save_files *s);

#endif
