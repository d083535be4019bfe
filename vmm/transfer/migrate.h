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
#ifndef VMM_TRANSFER_MIGRATE_H
#define VMM_TRANSFER_MIGRATE_H

#include "cvmm/requests.h"
#include "cvmm/status.h"
#include "machine/machine.h"
#include "transfer/migration.h"

/*
 * m->pause.migration is its subject for vmm_answers_send() until the end. -EINVAL,
 * -EOPNOTSUPP, -EBUSY, -EPERM.
 */
int vmm_migrate_begin(struct vmm_machine *m, const struct cvmm_migration *migration,
		      struct vsu_error *err);

/*
 * A migration is in progress, and the request is allowed (api/rules.h). It fails,
 * unless it ends before.
 */
void vmm_migrate_cancel(struct vmm_machine *m);

/*
 * A migration is in progress: the guest continues at the destination as soon as possible, and its
 * memory follows. -EINVAL: the migration was started without "postcopy".
 */
int vmm_migrate_switch(struct vmm_machine *m, struct vsu_error *err);
/* Without a migration: VMM_OURS. */
enum vmm_hand_over vmm_migrate_hand_over(const struct vmm_machine *m);

/*
 * VMM_UNKNOWN: locks the disks and continues the guest: 1, or 0 in other states. -EBUSY:
 * another process uses a disk.
 */
int vmm_migrate_resume(struct vmm_machine *m, struct vsu_error *err);

/* Without a migration, *out is not changed. */
void vmm_migrate_progress(const struct vmm_machine *m, struct cvmm_progress *out);
/* An event, during a migration. */
void vmm_migrate_publish_progress(const struct vmm_machine *m);

/* The machine ends: cancels and waits for the thread. */
void vmm_migrate_free(struct vmm_machine *m);

#endif
