/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What a guest of the built-in protocol is told (guest/protocol.h). */
#ifndef VMM_BOOT_INFO_H
#define VMM_BOOT_INFO_H

#include "machine/machine.h"

/*
 * Writes boot information, command line and page tables, and sets up the
 * CPUs. 0 or a negative errno.
 */
int vmm_boot_prepare(struct vmm_machine *m, struct vsu_error *err);

#endif
