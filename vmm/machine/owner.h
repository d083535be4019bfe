/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process that runs a machine, as its owner describes it (struct cvmm_host). The machine itself
 * has no process-wide state: it installs no filter, opens no file of the process, and does not
 * end the process.
 */
#ifndef VMM_MACHINE_OWNER_H
#define VMM_MACHINE_OWNER_H

#include <vmm-sys-util/error.h>

#include "cvmm/machine.h"

struct vmm_machine;

/* Before anything else of a zeroed machine. owner was checked, and may be NULL. */
void vmm_machine_set_owner(struct vmm_machine *m, const struct cvmm_host *owner);

/*
 * A thread still uses the machine, which therefore cannot be freed: restores the terminals
 * and calls the owner's function "stuck". Any thread. May return.
 */
void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why);

/* /proc/self/pagemap, a descriptor of the caller, or a negative errno. */
int vmm_owner_pagemap(const struct cvmm_host *owner);

#endif
