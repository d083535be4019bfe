/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files that two machines must not write: disks of this process, and logs of consoles. The
 * source of a migration unlocks them, and then the destination locks them.
 *
 * Threads: the main thread, while CPUs and devices are stopped.
 */
#ifndef VMM_MACHINE_LOCKS_H
#define VMM_MACHINE_LOCKS_H

#include "machine/machine.h"

/* All or none, except disks with locking=off. -EBUSY: another process uses one. */
int vmm_locks_get(const struct vmm_machine *m, struct vsu_error *err);

/* Writes what the guest has printed to the logs first. */
void vmm_locks_release(const struct vmm_machine *m);

#endif
