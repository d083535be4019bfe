/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A migration in progress: of migrate.c, and of its commands. */
#ifndef VMM_MACHINE_MIGRATE_PRIVATE_H
#define VMM_MACHINE_MIGRATE_PRIVATE_H

#include "loop/loop.h"
#include <pthread.h>

#include "machine/live.h"
#include "machine/machine.h"
#include "machine/migrate_options.h"
#include "machine/stop.h"
#include "machine/throttle.h"
#include "migration/sender.h"
#include "migration/main_request.h"

struct vmm_migration {
	struct vmm_machine *m;
	struct vmm_migrate_options options;
	struct vmm_sender sender;
	struct vmm_words words;	/* of sender */
	pthread_t thread;
	bool started;
	int cancel_fd;
	struct vmm_main_request request;
	struct vmm_io request_io;
	int rc;			/* of the thread */
	struct vsu_error err;

	int console_in;		/* while the guest is stopped */
	uint64_t stopped_ns;	/* when the last stop began */
	struct vmm_throttle throttle;
	struct vmm_dirty_log log; /* of devices that others serve */
	bool collected;		/* the state of the stopped guest */
	uint64_t held;		/* pieces of memory whose locks this process held before */
	bool unlocked;		/* the disks; the destination owns the shared memory */
	bool cancelled;
	bool undecided;		/* it has failed, and the guest is paused until "resume" */
};

/* migrate_locks.c */

/*
 * The guest is stopped, so no process runs it in the memory that the destination has as
 * well and locks before its reply to the state.
 */
int vmm_migrate_unlock_memory(struct vmm_migration *g, struct vsu_error *err);
/* The point of no return. */
void vmm_migrate_release(struct vmm_migration *g);
/*
 * Before the point of no return the guest continues here even if the destination, which
 * does not run it, has not ended yet and keeps its locks.
 */
int vmm_migrate_reclaim(struct vmm_migration *g, struct vsu_error *err);

/*
 * migrate_end.c: the guest runs at the destination, or is lost because the connection
 * ended before all of its memory was there.
 */
void vmm_migrate_end_moved(struct vmm_migration *g);
void vmm_migrate_end_lost(struct vmm_migration *g);

#endif
