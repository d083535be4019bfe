/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A folder that is all that a process sees of the host's files, so that a guest
 * which takes the process over has that folder and no other:
 *
 *   namespace  mounts, processes, network and IPC of its own; a user namespace
 *              as well where the process is not root. The folder is its root
 *   chroot     the folder is its root; for that it has to be root
 *   none       it sees what it saw
 *
 * With all three it has no capabilities but those which a server of files needs,
 * and those only where it is root; and it opens no files but those in the folder,
 * where the kernel has Landlock and files are not opened by handles, which have no
 * place in a folder. The first two take a second process: keeper.h.
 *
 * In two steps, because what is outside has to be opened in between:
 *
 *	rc = sandbox_enter(&s, &folder, read_only, &status, err);
 *	... open the folder at that path; listen ...
 *	rc = sandbox_close(&s, err);
 *	... start threads, serve ...
 *
 * Threads: both before there are any.
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

struct sandbox {
	enum sandbox_kind kind;
	const char *folder;	/* that becomes the root, after the first step */
	bool finds_files;	/* files are opened by handles, which the
				   caller says before the second step, */
	bool sets_labels;	/* and likewise security.* attributes are set */
	bool read_only;		/* as the first step was told */
	const char *device;	/* that is opened while files are served, or
				   NULL; without a sandbox only */
	int socket_dir;		/* where this process removes it, or -1 */
	bool own_users;		/* in a user namespace of its own */
	bool is_closed;		/* the host's files are out of reach */
	int leash;		/* to the parent, or -1 */
};

#define SANDBOX_INIT(k) { .kind = (k), .leash = -1, .socket_dir = -1 }

/* Before the first step: whether the file, which may be missing, is in the folder. */
bool sandbox_has(const char *folder, const char *file);

/*
 * 0: this is the process that serves; *folder is where it finds the folder, until
 * sandbox_close(). 1: this is its parent, and it has ended with *status. -EPERM:
 * this host does not let this user have it; -ENOENT, -EACCES, -ENOTDIR: the folder.
 * read_only: nothing in the folder can be changed; with namespaces only.
 */
int sandbox_enter(struct sandbox *s, const char **folder, bool read_only,
		  int *status, struct vsu_error *err);

/*
 * Before the second step: the parent will remove this socket. False: there is none,
 * and it will be removed by this process.
 */
bool sandbox_leave_socket(struct sandbox *s,
			  const struct vsu_sock_path *where);

/*
 * The second step. Descriptors that are open stay so, without a way to the
 * outside: `..` of the folder, and of /proc/self/fd as it was between the steps,
 * is themselves. New files have the modes that they are made with (umask 0).
 */
int sandbox_close(struct sandbox *s, struct vsu_error *err);

#endif
