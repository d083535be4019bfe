/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Landlock, by which a process takes the host's files from itself, on kernels that
 * have it. Beside another root it is a second wall, and the only one without.
 *
 * Threads: the calling one and those that it starts later.
 */
#ifndef DAEMONS_LANDLOCK_H
#define DAEMONS_LANDLOCK_H

#include <stdbool.h>

/* For the files below a place, or for the file that it is. */
enum landlock_use {
	LANDLOCK_LIVE,		/* all that is done with files but to run them */
	LANDLOCK_READ,
	LANDLOCK_REMOVE,	/* names, but of folders */
	LANDLOCK_ASK,		/* a device: opened, and asked by ioctl() */
};

/* A descriptor, which may be one that only names a file (O_PATH); -1: no rule. */
struct landlock_rule {
	int place;
	enum landlock_use use;
};

/*
 * No file is opened, made, renamed, cut or removed by its name from now on but as
 * the rules say, no TCP port used but where the process connects, and neither an
 * abstract socket nor a process of somebody else reached, as far as this kernel
 * knows of those. Descriptors that are open stay as they are; files that are only
 * named (O_PATH), what is said of them, and UNIX sockets that have a name there are
 * not its affair.
 *
 * No new privileges are asked for before. 0, or -EOPNOTSUPP: this kernel has none,
 * or one by which no file could be renamed from folder to folder; or the host's error.
 */
int landlock_narrow(const struct landlock_rule *rules, unsigned int n,
		    bool connects);

#endif
