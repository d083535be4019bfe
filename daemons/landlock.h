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

/* Descriptors; -1: none. */
struct landlock {
	int folder;		/* files in it may be opened, */
	bool read_only;		/* and only read; */
	int removes;		/* and names removed in this one, */
	int device;		/* and this file opened and asked */
};

/*
 * No other file is opened, made, renamed, cut or removed by its name from now on, no
 * TCP port used, and neither an abstract socket nor a process of somebody else
 * reached, as far as this kernel knows of those. Descriptors that are open stay
 * as they are; files that are only named (O_PATH) and what is said of them are
 * not its affair.
 *
 * No new privileges are asked for before. 0, or -EOPNOTSUPP: this kernel has none,
 * or one by which no file could be renamed from folder to folder; or the host's error.
 */
int landlock_narrow(const struct landlock *l);

#endif
