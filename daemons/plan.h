/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The plan of a daemon's confinement (confine/confine.h), so that a compromised daemon has few
 * rights.
 *
 * A daemon that shares a folder is restricted to it:
 *
 *   namespace  own mounts, processes, network and IPC, and without root an own user
 *              namespace. The folder is the root
 *   chroot     the folder is the root; requires root privileges
 *   none       the root is unchanged
 *
 * In all three cases only capabilities of a file server are kept, and only for root. Where the
 * kernel supports Landlock, only files in the folder can be opened, unless files are opened by
 * handles, which have no path.
 *
 * Other daemons have opened everything that they require, and Landlock forbids opening more.
 * Exceptions: the process's own files in /proc (read-only), from which it determines the kind
 * of a peer's descriptor; sizes of DAX memory devices; and removal of names in its sockets'
 * folders.
 */
#ifndef DAEMONS_PLAN_H
#define DAEMONS_PLAN_H

#include <device-kinds/kind.h>

#include "confine/confine.h"

/* Indexes of daemon_sandbox_names. */
enum daemon_sandbox {
	DAEMON_SANDBOX_NAMESPACE,
	DAEMON_SANDBOX_CHROOT,
	DAEMON_SANDBOX_NONE,
};

extern const char *const daemon_sandbox_names[];

/* The action of the filter, in the order of daemon_filter_names. */
enum daemon_filter {
	DAEMON_FILTER_ON,	/* other calls fail with EPERM */
	DAEMON_FILTER_KILL,	/* other calls kill the process */
	DAEMON_FILTER_OFF,
	DAEMON_FILTER_PRESET,	/* DAEMON_FILTER_ON if this host and build support it */
};

extern const char *const daemon_filter_names[];

/* The options from which the plan follows. */
struct daemon_rights {
	const char *folder;	/* that is shared; NULL: none */
	enum daemon_sandbox sandbox; /* of it */
	const char *user;	/* to change to; NULL: none */
	enum daemon_filter filter;
	const struct call_table *calls; /* in addition to those of serving, or NULL */
	bool postcopy;		/* a userfaultfd is created while serving */
	struct devkind_facts facts;
};

/* Called before anything is opened. Errors are those of confine_user_find(). */
int daemon_plan_make(struct confine_plan *plan, const struct daemon_rights *r,
		     struct vsu_error *err);

/*
 * Before CONFINE_CLOSE: the files that can be opened afterwards, besides the removal of sockets
 * (confine_leave_socket()). They are found by their names in the root until then.
 */
int daemon_plan_files(struct confine_plan *plan, const struct daemon_rights *r,
		      struct vsu_error *err);

/* True if the file, which may be missing, is inside the folder. */
bool daemon_folder_has(const char *folder, const char *file);

#endif
