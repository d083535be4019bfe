/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Daemons that cvmm starts for devices with backend=spawn, by a process that keeps the
 * rights to do so (starter.h).
 *
 * Threads: the main thread.
 */
#ifndef VMM_SPAWN_H
#define VMM_SPAWN_H

#include "loop/loop.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

#include "spawn/starter.h"
#include "config/spawn_words.h"

/* Folder of the daemons without --daemon-path. */
const char *vmm_spawn_default_folder(void);

/* Whether the daemon of a kind is installed; -ENOENT with the remedy. */
int vmm_spawn_find(const char *folder, const struct vmm_device_kind *kind,
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
int vmm_spawn_prepare(struct vmm_spawner *spawner, const struct vmm_starter_setup *setup,
		      struct vsu_error *err);

/* Ends the starter and its daemons, and waits for them, at most a few seconds. */
void vmm_spawn_end(struct vmm_spawner *spawner);

/* A device's daemon, which may be started repeatedly. */
struct vmm_spawned;

struct vmm_spawned_config {
	struct vmm_spawner *spawner;	/* borrowed; NULL: no daemon can be started */
	struct vmm_loop *loop;
	const struct vmm_device_kind *kind;
	const struct vmm_spawn_words *words;
	const char *name;	/* precedes the daemon's lines in the log */
	/*
	 * The words refer to descriptors of this process, which are duplicated and passed.
	 * If false, they refer to descriptors that the starter has inherited.
	 */
	bool passes;
	bool continues;		/* the guest has used the device before */
};

/* Copies the rest of config. */
int vmm_spawned_new(const struct vmm_spawned_config *config, struct vmm_spawned **out,
		    struct vsu_error *err);

/*
 * Starts the daemon, in place of a previous one, and returns a socket that is connected
 * to it. A daemon that cannot be started closes the connection.
 */
int vmm_spawned_connect(struct vmm_spawned *s, struct vsu_error *err);

/* The daemon's process id; 0: not started yet. */
pid_t vmm_spawned_pid(struct vmm_spawned *s);

/* Appends the daemon's last line, which is why it ended, to the error of its session. */
void vmm_spawned_explain(struct vmm_spawned *s, struct vsu_error *err);

/* Ends the daemon; s may be NULL. */
void vmm_spawned_free(struct vmm_spawned *s);

#endif
