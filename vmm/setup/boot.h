/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Prepares memory and CPUs for the kernel's entry. */
#ifndef VMM_SETUP_BOOT_H
#define VMM_SETUP_BOOT_H

#include "machine/machine.h"

/*
 * Opens kernel and initrd of the configuration. -EBADMSG: a file is the image of a disk; others as
 * varch_file_open().
 */
int vmm_boot_open(struct vmm_machine *m, struct vsu_error *err);

/*
 * Loads kernel and initrd, writes the boot information of the kernel's protocol,
 * and sets up the CPUs. 0 or a negative errno.
 */
int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err);

#endif
