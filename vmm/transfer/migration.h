/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A migration in progress: of migrate.c, hand_over.c, and the commands. */
#ifndef VMM_TRANSFER_MIGRATION_H
#define VMM_TRANSFER_MIGRATION_H

#include <pthread.h>

#include <vmm-sys-util/loop.h>

#include "machine/machine.h"
#include "machine/stop.h"
#include "migration/main_call.h"
#include "migration/sender.h"
#include "transfer/migrate_options.h"
#include "transfer/throttle.h"

/* Whose the guest is. */
enum vmm_hand_over {
	VMM_OURS,	/* it runs here, or stops */
	VMM_STOPPED,	/* its state is collected: a later change would be lost */
	VMM_RELEASED,	/* the destination may run it */
	VMM_THEIRS,	/* it runs there, and may need memory of this process */
	VMM_UNKNOWN,	/* it may run there; here it is paused until "resume" */
	VMM_LOST,	/* it ran there, and a part of its memory did not arrive */
	VMM_NHAND_OVERS
};

struct vmm_migration {
	struct vmm_machine *m;
	struct vmm_migrate_options options;
	struct vmm_sender sender;
	struct vmm_words words;	/* of sender */
	pthread_t thread;
	bool started;
	int cancel_fd;
	int pagemap;		/* or a negative errno: all memory is read */
	struct vmm_main_call call;
	struct vsu_io call_io;
	int rc;			/* of the thread */
	struct vsu_error err;

	enum vmm_hand_over hand_over;	/* see hand_over.h */
	int console_in;		/* while the guest is not ours */
	uint64_t stopped_ns;	/* when the last stop began */
	struct vmm_throttle throttle;
	struct vhost_dirty_log log; /* of devices that others serve */
	uint64_t held;		/* pieces of memory whose locks this process held before */
	bool cancelled;
};

#endif
