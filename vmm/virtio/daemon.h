/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Daemons of devices with backend=spawn. Starting a process is left to the machine's owner.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_DAEMON_H
#define VMM_VIRTIO_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/loop.h>

#include "config/spawn_words.h"

/* A device's daemon, which may be started repeatedly. */
struct vmm_daemon_config {
	struct vsu_loop *loop;
	const struct devkind *kind;
	const struct vmm_spawn_words *words;
	const char *name;	/* precedes the daemon's lines in the log */
	/*
	 * The words refer to descriptors of this process, which are duplicated and passed.
	 * If false, they refer to descriptors that the owner had before.
	 */
	bool passes;
	bool continues;		/* the guest has used the device before */
};

/* Of the owner. */
struct vmm_daemons {
	void *opaque;
	/* Copies config, except loop. */
	int (*add)(void *opaque, const struct vmm_daemon_config *config, void **daemon,
		   struct vsu_error *err);
	/*
	 * Starts the daemon, in place of a previous one, and returns a socket that is connected
	 * to it. A daemon that cannot be started closes the connection.
	 */
	int (*connect)(void *daemon, struct vsu_error *err);
	/* 0: not started yet. */
	pid_t (*pid)(void *daemon);
	/* Appends the daemon's last line, which is why it ended, to the error of its session. */
	void (*explain)(void *daemon, struct vsu_error *err);
	/* Ends the daemon; it may be NULL. */
	void (*remove)(void *daemon);
};

#endif
