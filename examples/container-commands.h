/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands in one container of a guest, for the examples beside. */
#ifndef CONTAINER_COMMANDS_H
#define CONTAINER_COMMANDS_H

#include <stdbool.h>

#include <vm-agent/guest.h>

/* The guest mounts the root of the container here. */
#define CONTAINER_ROOT "/share"

/* A guest, and how the example waits for it. */
struct container_host {
	struct vagent_guest *guest;
	/* Waits, and serves the machine and the guest once. False: one of them has ended, with a sentence. */
	bool (*serve)(void *opaque, struct vsu_error *err);
	void *opaque;
};

/*
 * Starts the first process of a container by the words up to "--", and executes further commands in it, one after
 * the other, with the three streams of this program; prints the status of each. A command that begins with -t has
 * a terminal. Returns the last status, or a negative errno.
 */
int run_commands(const struct container_host *h, char **words, struct vsu_error *err);

#endif
