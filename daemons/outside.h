/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The host's files for a daemon that shares no folder: all that it stands on is
 * open by then, and it takes the others from itself by Landlock. It keeps, for
 * reading, its own files of /proc, by which it tells what a peer's descriptor is,
 * and on hosts with memory devices (DAX) their sizes; and it may remove names in
 * the folders of its sockets.
 */
#ifndef DAEMONS_OUTSIDE_H
#define DAEMONS_OUTSIDE_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "devices/kind.h"

struct outside {
	const char *socket;	/* that it removes in the end, or NULL */
	const struct vmm_device_facts *device;
	bool postcopy;		/* it opens /dev/userfaultfd while it serves */
};

/*
 * No new privileges. A host without Landlock goes on; one that has it is asked
 * before there are threads, for those that are there are not kept. *own: to be
 * closed when the process ends, not before.
 */
int outside_leave(const struct outside *o, int *own, struct vsu_error *err);

/* The folder in which that name stands, only named (O_PATH); -1: none. */
int outside_parent(const char *path);

#endif
