/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Landlock restricts the process's access to the host's files, where the kernel
 * supports it. With a changed root it is a second barrier; without, the only
 * one.
 *
 * Threads: affects the calling thread and those that it starts later.
 */
#ifndef PROGRAMS_LANDLOCK_H
#define PROGRAMS_LANDLOCK_H

#include <stdbool.h>

/* Permissions below a folder, or for a single file. */
enum landlock_use {
	LANDLOCK_FULL,		/* everything except execution */
	LANDLOCK_READ,
	LANDLOCK_READ_FILE,	/* a file or device: read, ioctl() */
	LANDLOCK_REMOVE,	/* remove names, except of folders */
	LANDLOCK_DEVICE,	/* a device: open and ioctl() */
	LANDLOCK_FILE,		/* a file or device: read, write, truncate, ioctl() */
	LANDLOCK_SOCKETS,	/* create and remove sockets, list the folder */
	LANDLOCK_PROGRAMS,	/* a folder: read, and execute programs */
	LANDLOCK_NAMES,		/* no permission: names can be found, as without a rule */
};

/*
 * place may be an O_PATH descriptor; -1: no rule. If place is a file, permissions for
 * folders have no effect. A pipe, socket or memfd requires no rule, and is ignored.
 */
struct landlock_rule {
	int place;
	enum landlock_use use;
};

/*
 * Restricts files: they can be opened, created, renamed, truncated or removed by name only
 * as the rules permit. TCP ports can be used only if connects is set. Abstract sockets and
 * signals to other processes are forbidden, if this kernel supports that. Open descriptors
 * are not affected, nor are O_PATH descriptors, file attributes and named UNIX sockets.
 * Requires no_new_privs.
 *
 * Returns 0, -EOPNOTSUPP if the kernel lacks Landlock or supports only version 1, or the
 * host's error.
 */
int landlock_narrow(const struct landlock_rule *rules, unsigned int n,
		    bool connects);

#endif
