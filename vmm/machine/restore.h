/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Steps of a machine that continues where a saved one stopped (save.h), in place of
 * those that load a kernel.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_RESTORE_H
#define VMM_MACHINE_RESTORE_H

#include "machine/machine.h"

/*
 * With --from: reads and checks the state, before memory exists. The folder may be
 * anybody's. -EBADMSG, -EOPNOTSUPP, or why the file cannot be read.
 */
int vmm_restore_open(struct vmm_machine *m, struct vsu_error *err);

/* Loads CPUs, interrupt controllers, ports and devices, and resumes the devices. */
int vmm_restore_load(struct vmm_machine *m, struct vsu_error *err);

/* With --clone: -EBUSY if a device shares a resource of the host with the saved machine. */
int vmm_restore_check_clone(struct vmm_machine *m, struct vsu_error *err);

void vmm_restore_free(struct vmm_machine *m);

#endif
