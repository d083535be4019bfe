/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Steps of setup.c: the guest's memory, from its options or a saved machine to the slots of KVM, and
 * the kernel's entry. Each returns 0 or a negative errno.
 *
 * Threads: the main thread.
 */
#ifndef VMM_SETUP_STEPS_H
#define VMM_SETUP_STEPS_H

#include "machine/machine.h"

/* guest_memory.c */

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

/* boot.c */

/*
 * Opens kernel and initrd of the configuration. -EBADMSG: a file is the image of a disk; others as
 * varch_file_open().
 */
int vmm_boot_open(struct vmm_machine *m, struct vsu_error *err);

/*
 * Loads kernel and initrd, writes the boot information of the kernel's protocol, and sets up the
 * CPUs.
 */
int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err);

#endif
