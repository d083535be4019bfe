/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The hand-over of a migration, at the source: whose the guest is. This file owns all that
 * follows from it: the locks of disks and memory, the pause, the console's input, and the
 * answer to the client.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_HAND_OVER_H
#define VMM_TRANSFER_HAND_OVER_H

#include "transfer/migration.h"

/* -EPERM: this state cannot follow the present one. */
int vmm_hand_over_enter(struct vmm_migration *g, enum vmm_hand_over to, struct vsu_error *err);

/* Whose the guest is now. Post-copy: the sender's thread learns it first. */
enum vmm_hand_over vmm_hand_over_now(const struct vmm_migration *g);

/*
 * CPUs and devices are stopped. The destination has the shared memory as well and locks it
 * before its reply to the state, so its locks are released here. -EPERM: the guest is not
 * ours. After another failure call vmm_hand_over_return().
 */
int vmm_hand_over_stop(struct vmm_migration *g, struct vsu_error *err);

/* The point of no return: the disks are unlocked, and the memory is the destination's. */
int vmm_hand_over_release(struct vmm_migration *g, struct vsu_error *err);

/*
 * Locks memory and disks, and continues the guest here. Before the point of no return that
 * succeeds even if the destination, which does not run the guest, has not ended yet and
 * keeps its locks. -EBUSY and others: another process uses a disk; the guest stays paused.
 */
int vmm_hand_over_return(struct vmm_migration *g, struct vsu_error *err);

/*
 * The sender has ended: decides whose the guest is, and continues the guest or ends the machine.
 * True: it continues; the client is to be answered, and the migration freed.
 */
bool vmm_hand_over_end(struct vmm_migration *g);

/* Answers the client that the migration failed. */
void vmm_hand_over_answer(struct vmm_migration *g);

#endif
