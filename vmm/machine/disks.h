/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine's disks when it is saved or migrated: their properties in the state, and the
 * files behind those of this process, which the source of a migration flushes
 * (disk_flush.h); locks.h has their locks.
 *
 * Threads: the main thread; any for identify.
 */
#ifndef VMM_MACHINE_DISKS_H
#define VMM_MACHINE_DISKS_H

#include "machine/machine.h"

/* Appends a section "disk" for each, also behind a socket, and for persistent memory. */
void vmm_disks_describe(const struct vmm_machine *m, struct vsu_state_writer *w);

/*
 * Compares them with a state. -EINVAL: one is smaller than the guest's, or read-only in
 * place of a writable one.
 */
int vmm_disks_check(const struct vmm_machine *m, const struct vsu_state *state,
		    struct vsu_error *err);

/*
 * Appends a section "disk-content" for each file of this process, by which
 * vmm_disks_check_content() notices that it was changed after the save. Blocks; no request
 * is in progress, and the devices stay the same meanwhile.
 */
int vmm_disks_identify(const struct vmm_machine *m, struct vsu_state_writer *w,
		       struct vsu_error *err);

/* -ESTALE: a file has changed. A state without these sections has no restriction. */
int vmm_disks_check_content(const struct vmm_machine *m, const struct vsu_state *state,
			    struct vsu_error *err);

#endif
