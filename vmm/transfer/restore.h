/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Steps of a machine that continues where a saved one stopped (save.h), in place of
 * those that load a kernel.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_RESTORE_H
#define VMM_TRANSFER_RESTORE_H

#include "machine/machine.h"

/*
 * Reads the state in the saved folder and checks it, before memory exists. The folder is
 * not trusted. -EBADMSG, -EOPNOTSUPP, or the error of reading the file.
 */
int vmm_restore_open(struct vmm_machine *m, struct vsu_error *err);

/* Reads and checks the file "state" alone, whose bytes the caller frees. */
int vmm_restore_read_state(struct vmm_restore *r, const char *folder, struct vsu_error *err);

/*
 * Reads the folder's memory, if the machine shares its memory with other processes, and what has
 * changed since the base.
 */
int vmm_restore_memory(struct vmm_machine *m, struct vsu_error *err);

/* Replaces the state by a copy of these bytes, and performs the same checks. */
int vmm_restore_set(struct vmm_machine *m, const void *bytes, size_t len,
		    struct vsu_error *err);

/* The disks have the size and the access of the guest's. */
int vmm_restore_check_disks(struct vmm_machine *m, struct vsu_error *err);
/* Checks disks of a folder: their content is that of the save, unless --changed-disks accepts others. */
int vmm_restore_check_content(struct vmm_machine *m, struct vsu_error *err);

/*
 * Loads CPUs, interrupt controllers, ports and devices. The devices are paused until
 * resume: requests of a guest that may still run elsewhere must not be served here.
 */
int vmm_restore_load(struct vmm_machine *m, struct vsu_error *err);
/* Tables of interrupt controllers, which are in the guest's memory: all of it is there. */
int vmm_restore_controllers(struct vmm_machine *m, struct vsu_error *err);
int vmm_restore_resume(struct vmm_machine *m, struct vsu_error *err);

/* Reads plugged memory from the folder. The devices mapped it when they were loaded. */
int vmm_restore_plugged(struct vmm_machine *m, struct vsu_error *err);

/*
 * Called after a load from a folder: a new VM Generation ID. Any number of machines continue from
 * one folder, and the kernel of each must not draw the random numbers of another.
 */
int vmm_restore_renew(struct vmm_machine *m, struct vsu_error *err);

/* After a migration: sizes of devices that the host requested after the command line was sent. */
int vmm_restore_requested(struct vmm_machine *m, struct vsu_error *err);

/* For --prefetch: loads the folder's memory, unless vmm_restore_memory() has read it. */
int vmm_restore_prefetch(struct vmm_machine *m, struct vsu_error *err);

/* For --clone: -EBUSY if a device shares a resource of the host with the saved machine. */
int vmm_restore_check_clone(struct vmm_machine *m, struct vsu_error *err);

void vmm_restore_free(struct vmm_machine *m);

#endif
