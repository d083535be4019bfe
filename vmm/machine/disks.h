/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files behind the devices of this process, at a migration: the source writes them to
 * stable storage and unlocks them, then the destination locks them.
 *
 * Threads: the main thread, and any for flush.
 */
#ifndef VMM_MACHINE_DISKS_H
#define VMM_MACHINE_DISKS_H

#include "machine/machine.h"

/* Blocks. The devices stay the same meanwhile. */
int vmm_disks_flush(const struct vmm_machine *m, struct vsu_error *err);

/* All or none, except those with locking=off. -EBUSY: another process uses one. */
int vmm_disks_lock(const struct vmm_machine *m, struct vsu_error *err);
void vmm_disks_unlock(const struct vmm_machine *m);

#endif
