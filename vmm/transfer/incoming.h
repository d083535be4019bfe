/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Steps of a machine that comes from another process (--incoming), in place of those
 * that load a kernel.
 *
 * Threads: the main thread; they block until the source has sent what they expect.
 */
#ifndef VMM_TRANSFER_INCOMING_H
#define VMM_TRANSFER_INCOMING_H

#include "machine/machine.h"

/* Checks the description of the machine, before memory exists. */
int vmm_incoming_open(struct vmm_machine *m, struct vsu_error *err);

/* Receives descriptors of shared memory, before memory exists. */
int vmm_incoming_share(struct vmm_machine *m, struct vsu_error *err);

/* The machine exists: receives memory, and at last the state. */
int vmm_incoming_receive(struct vmm_machine *m, struct vsu_error *err);

/*
 * From the connection to vmm_incoming_confirm(): the source uses the disks, which are
 * opened without their locks.
 */
bool vmm_incoming_is_open(const struct vmm_machine *m);

/* The state is loaded: on success the source has released guest and disks. */
int vmm_incoming_confirm(struct vmm_machine *m, struct vsu_error *err);

/* Reports why this machine cannot continue the guest, to the source, and closes the connection. */
void vmm_incoming_refuse(struct vmm_machine *m, const struct vsu_error *why);

#endif
