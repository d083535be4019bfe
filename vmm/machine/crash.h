/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Guests that crash for a reason on the host. */
#ifndef VMM_CRASH_H
#define VMM_CRASH_H

#include "machine/machine.h"

/*
 * The machine has ended with status and *err. If a CPU crashed (-EFAULT) while
 * memory of the guest was lost, or in a Linux kernel on a KVM that does not run
 * privilege level 0, *err names that reason. Returns the status.
 */
int vmm_crash_explain(struct vmm_machine *m, int status,
		      struct vsu_error *err);

#endif
