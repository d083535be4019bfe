/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The boot information of the built-in protocol (guest/protocol.h). */
#ifndef VMM_BOOT_BUILTIN_INFO_H
#define VMM_BOOT_BUILTIN_INFO_H

#include <vm-memory/map.h>

#include "guest/protocol.h"

/*
 * Completes the boot information by what is the same for all machines and by
 * the memory that there is, and writes it to gpa; the caller sets CVMM_MEMORY_PRIVATE.
 * 0 or a negative errno.
 */
int vmm_builtin_hand_over(struct cvmm_boot *boot, const struct vmem_view *view,
			  uint64_t gpa);

#endif
