/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether other processes use the guest's memory. Threads: the main thread. */
#ifndef VMM_MACHINE_SHARING_H
#define VMM_MACHINE_SHARING_H

#include "machine/machine.h"

/* True if a device is behind a socket, so that memory must be shared. */
bool vmm_machine_wants_shared(const struct vmm_machine *m);

/* For a migration: -EOPNOTSUPP if another process stores to memory without a log. */
int vmm_sharing_check_log(const struct vmm_machine *m, struct vsu_error *err);

#endif
