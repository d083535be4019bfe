/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Access to host files for a daemon that shares no folder. Everything required
 * is open already, and Landlock forbids opening more. Exceptions: the process's
 * own files in /proc (read-only), from which it determines the kind of a peer's
 * descriptor; sizes of DAX memory devices; and removal of names in its sockets'
 * folders.
 */
#ifndef DAEMONS_OUTSIDE_H
#define DAEMONS_OUTSIDE_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "kinds/kind.h"

struct outside {
	const char *socket;	/* removed at the end; or NULL */
	const char *metrics;	/* likewise */
	const struct vmm_device_facts *device;
	bool postcopy;		/* opens /dev/userfaultfd while serving */
};

/*
 * Sets no_new_privs. Call it before starting threads, because existing threads
 * are not restricted. Succeeds on hosts without Landlock. *own must stay open
 * until the process ends.
 */
int outside_leave(const struct outside *o, int *own, struct vsu_error *err);

/* An O_PATH descriptor of the folder that contains path; -1: none. */
int outside_parent(const char *path);

#endif
