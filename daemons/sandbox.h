/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Restricts a process to one folder of the host, so that a compromised process
 * can access only that folder:
 *
 *   namespace  own mounts, processes, network and IPC, and without root an own
 *              user namespace. The folder is the root
 *   chroot     the folder is the root; requires root privileges
 *   none       the root is unchanged
 *
 * In all three cases only capabilities of a file server are kept, and only for
 * root. Where the kernel supports Landlock, only files in the folder can be
 * opened, unless files are opened by handles, which have no path. The first two
 * use a second process: confine/keeper.h.
 *
 * Two steps, because files outside the folder must be opened in between:
 *
 *	rc = sandbox_enter(&s, &folder, read_only, err);
 *	... open the folder at that path; listen ...
 *	rc = sandbox_close(&s, err);
 *	... start threads, serve ...
 *
 * Threads: call both before any thread is started.
 */
#ifndef DAEMONS_SANDBOX_H
#define DAEMONS_SANDBOX_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

/* In the order of sandbox_names. */
enum sandbox_kind {
	SANDBOX_NAMESPACE,
	SANDBOX_CHROOT,
	SANDBOX_NONE,
};

extern const char *const sandbox_names[];

/* Sockets with a path: of front-ends, and of --metrics. */
#define SANDBOX_SOCKETS 2

struct sandbox {
	enum sandbox_kind kind;
	const char *folder;	/* becomes the root, after the first step */
	bool finds_files;	/* files are opened by handles; set before the second step */
	bool sets_labels;	/* security.* attributes are set; likewise */
	bool read_only;		/* argument of the first step */
	const char *device;	/* opened while files are served, or NULL; only without a sandbox */
	int socket_dirs[SANDBOX_SOCKETS]; /* folders of sockets that this process removes, or -1 */
	bool own_users;		/* has its own user namespace */
	bool is_closed;		/* the host's files are inaccessible */
	int leash;		/* to the parent, or -1 */
};

#define SANDBOX_INIT(k) { .kind = (k), .leash = -1, .socket_dirs = { -1, -1 } }

/*
 * True if the file, which may be missing, is inside the folder. Call it before
 * the first step.
 */
bool sandbox_has(const char *folder, const char *file);

/*
 * Returns in the serving process only; *folder is the folder's path until
 * sandbox_close(). -EPERM: the host does not permit it for this user; -ENOENT, -EACCES,
 * -ENOTDIR: the folder. read_only: the folder cannot be modified; namespaces
 * only.
 */
int sandbox_enter(struct sandbox *s, const char **folder, bool read_only,
		  struct vsu_error *err);

/*
 * Before the second step, for up to SANDBOX_SOCKETS sockets: the parent will remove this
 * one. False: no parent exists, this process removes it.
 */
bool sandbox_leave_socket(struct sandbox *s,
			  const struct vsu_sock_path *where);

/*
 * The second step. Open descriptors stay valid, but do not lead outside: `..`
 * of the folder, and of /proc/self/fd as opened between the steps, are
 * themselves. New files get exactly the requested mode (umask 0).
 */
int sandbox_close(struct sandbox *s, struct vsu_error *err);

#endif
