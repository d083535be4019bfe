/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Daemons that cvmm starts for devices with backend=spawn, by a process that keeps the
 * rights to do so (starter.h).
 *
 * Threads: the main thread.
 */
#ifndef VMM_SPAWN_H
#define VMM_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

#include "common/spawn/starter.h"
#include "cvmm/servers.h"

/* Folder of the daemons without --daemon-path. */
const char *vmm_spawn_default_folder(void);

/* Whether the daemon of a kind is installed; -ENOENT with the remedy. */
int vmm_spawn_find(const char *folder, const struct devkind *kind,
		   struct vsu_error *err);

/* The connection to a starter, a child of this process. */
struct vmm_spawner {
	int sock;		/* -1: not started */
	pid_t pid;
	uint32_t last_id;	/* of a daemon */
};

#define VMM_SPAWNER_INIT { .sock = -1 }

/*
 * Forks the starter, which copies setup. Call it before the process restricts itself or
 * starts a thread.
 */
int vmm_spawn_prepare(struct vmm_spawner *spawner, struct vmm_starter_setup *setup,
		      struct vsu_error *err);

/* The devices of setup, for a starter that was prepared with an open list. */
int vmm_spawn_list(const struct vmm_spawner *spawner, const struct vmm_starter_setup *setup,
		   struct vsu_error *err);

/* Ends the starter and its daemons, and waits for them, at most a few seconds. */
void vmm_spawn_end(struct vmm_spawner *spawner);

/*
 * The daemons of a machine, by spawner, which outlives them. NULL, or one that is not started:
 * no daemon can be added.
 */
struct cvmm_servers vmm_spawn_servers(struct vmm_spawner *spawner);

#endif
