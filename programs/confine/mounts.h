/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * System calls for a process that moves into its own namespaces; their headers may be
 * missing on a host. All functions return 0 or more, or a negative errno.
 *
 * Threads: call them before any thread is started.
 */
#ifndef PROGRAMS_MOUNTS_H
#define PROGRAMS_MOUNTS_H

#include <stdint.h>
#include <sys/types.h>

/* Attributes of a mount: MOUNT_ATTR_* of linux/mount.h. */
#define PROG_MOUNT_READ_ONLY UINT64_C(1)
#define PROG_MOUNT_NO_SUID UINT64_C(2)
#define PROG_MOUNT_NO_DEVICES UINT64_C(4)
#define PROG_MOUNT_NO_PROGRAMS UINT64_C(8)

/* Maps one user and one group of a new user namespace to themselves. */
int prog_mount_map_ids(uid_t uid, gid_t gid);

/* Copies the mount at a file or folder, including mounts inside it: returns a descriptor. */
int prog_mount_copy(int place);

/* Copies the mount of a place without the mounts inside it. */
int prog_mount_copy_one(int place);

/*
 * Makes a file system that is not mounted: returns a descriptor. folder: covered meanwhile, in a namespace of this
 * process. options: those of mount(2) for the file system, separated by commas.
 */
int prog_mount_new(const char *folder, const char *type, const char *options);

/* Restricts a tree, including mounts inside it. -ENOSYS: Linux before 5.12. */
int prog_mount_restrict(int tree, uint64_t attributes);

/* Restricts a mount without the mounts inside it. */
int prog_mount_restrict_one(int tree, uint64_t attributes);

/* Mounts a copy over the file or folder of a descriptor. */
int prog_mount_attach(int tree, int place);

/*
 * Makes the folder, which is a mount, the root and the working directory. The old root is
 * detached.
 */
int prog_mount_become_root(const char *folder);

#endif
