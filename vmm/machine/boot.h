/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine's memory and CPUs as its kernel finds them. */
#ifndef VMM_MACHINE_BOOT_H
#define VMM_MACHINE_BOOT_H

#include "machine/machine.h"

/*
 * Loads kernel and initrd, writes what the kernel's boot protocol wants it to
 * be told, and sets up the CPUs. 0 or a negative errno.
 */
int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err);

#endif
