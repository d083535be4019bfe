/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Steps of the guest's memory: from its options or a saved machine to the slots of KVM.
 *
 * Threads: the main thread.
 */
#ifndef VMM_SETUP_GUEST_MEMORY_H
#define VMM_SETUP_GUEST_MEMORY_H

#include "machine/machine.h"

/* Prepares the memory that the options describe, or that of the folder in place of it. */
int vmm_machine_init_memory(struct vmm_machine *m, struct vsu_error *err);
int vmm_machine_init_saved_memory(struct vmm_machine *m, struct vsu_error *err);
/* Checks the files of a machine that boots: vmm_memory_check_images(). */
int vmm_machine_check_memory(struct vmm_machine *m, struct vsu_error *err);

/* -EOPNOTSUPP: a saved machine with private memory. */
int vmm_machine_check_saved_memory(struct vmm_machine *m, struct vsu_error *err);

int vmm_machine_make_memory(struct vmm_machine *m, struct vsu_error *err);

/* Each device can use the memory. */
int vmm_machine_check_sharing(struct vmm_machine *m, struct vsu_error *err);

#endif
