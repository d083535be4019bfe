/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Moves the running guest to another process. A thread sends (migration/sender.h);
 * this file does its requests to the machine, in turns of the loop.
 *
 * With post-copy the guest continues at the destination before its memory is there. If the
 * connection is lost then, the guest is lost.
 *
 * At the end this machine ends with VSU_EXIT_MIGRATED. After a failure the guest
 * continues here, with its disks locked again. If the last answer of the destination is lost, either may be true:
 * then the guest stays paused, until "resume".
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_MIGRATE_H
#define VMM_MACHINE_MIGRATE_H

#include <stdio.h>

#include "json.h"
#include "machine/machine.h"

/*
 * words: options, then the address. m->pause.migration is its subject for
 * vmm_control_answer() until the end. -EINVAL, -EOPNOTSUPP, -EBUSY, -EPERM.
 */
int vmm_migrate_begin(struct vmm_machine *m, char *const *words,
		      struct vsu_error *err);

/*
 * A migration is in progress, and the command is allowed (command_rules.h). It fails,
 * unless it ends before.
 */
void vmm_migrate_cancel(struct vmm_machine *m);

/*
 * Likewise: the guest continues at the destination as soon as possible, and its memory
 * follows. -EINVAL: the migration was started without "postcopy".
 */
int vmm_migrate_switch(struct vmm_machine *m, struct vsu_error *err);
/* True: the guest runs there, and needs memory of this process. */
bool vmm_migrate_is_postcopy(const struct vmm_machine *m);

/*
 * True: the migration ended after the disks were unlocked, it failed or its result is
 * unknown, and the guest is paused. Resume locks the disks and continues the guest: 1, or
 * 0 without such a migration. -EBUSY: another process uses a disk.
 */
bool vmm_migrate_is_undecided(const struct vmm_machine *m);
int vmm_migrate_resume(struct vmm_machine *m, struct vsu_error *err);

/*
 * True: the state that the destination loads was collected, and later changes of the
 * machine would be lost with a successful migration.
 */
bool vmm_migrate_hands_over(const struct vmm_machine *m);

/* Progress, as members of the status. */
void vmm_migrate_report(const struct vmm_machine *m, struct prog_json *to);

/* The machine ends: cancels and waits for the thread. */
void vmm_migrate_free(struct vmm_machine *m);

#endif
