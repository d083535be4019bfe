/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Mounts and the user of new namespaces. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/mounts.h"

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
/* OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH */
#define TREE_CLONE 1u
#define TREE_RECURSIVE 0x8000u
#define MOVE_FROM_DESCRIPTOR 4u
#define MOVE_TO_DESCRIPTOR 0x40u

struct mount_attributes {
	uint64_t set, clear, propagation, userns_fd;
};

static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	vsu_fd_close(&fd);
	return rc;
}

int prog_mount_map_ids(uid_t uid, gid_t gid)
{
	char users[64], groups[64];
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), rc;

	/* After a change of user, these files would otherwise belong to root. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	snprintf(users, sizeof(users), "%u %u 1", uid, uid);
	snprintf(groups, sizeof(groups), "%u %u 1", gid, gid);
	rc = text_write("/proc/self/setgroups", "deny");
	rc = rc < 0 ? rc : text_write("/proc/self/uid_map", users);
	rc = rc < 0 ? rc : text_write("/proc/self/gid_map", groups);
	if (dumpable == 0)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return rc;
}

static int copy_tree(int place, unsigned int flags)
{
	int tree = (int)syscall(SYS_open_tree, place, "", TREE_CLONE | AT_EMPTY_PATH | O_CLOEXEC | flags);

	return tree < 0 ? -errno : tree;
}

int prog_mount_copy(int place)
{
	return copy_tree(place, TREE_RECURSIVE);
}

int prog_mount_copy_one(int place)
{
	return copy_tree(place, 0);
}

/* fsconfig() refuses values over 255 bytes, and knows no escaped commas. */
int prog_mount_new(const char *folder, const char *type, const char *options)
{
	int place, tree;

	if (mount(type, folder, type, 0, options) < 0)
		return -errno;
	place = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	tree = place < 0 ? -errno : prog_mount_copy_one(place);
	vsu_fd_close(&place);
	(void)umount2(folder, MNT_DETACH);
	return tree;
}

static int restrict_tree(int tree, uint64_t attributes, unsigned int flags)
{
	const struct mount_attributes set = { .set = attributes };

	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | flags, &set, sizeof(set)) < 0 ? -errno : 0;
}

int prog_mount_restrict(int tree, uint64_t attributes)
{
	return restrict_tree(tree, attributes, TREE_RECURSIVE);
}

int prog_mount_restrict_one(int tree, uint64_t attributes)
{
	return restrict_tree(tree, attributes, 0);
}

int prog_mount_attach(int tree, int place)
{
	return syscall(SYS_move_mount, tree, "", place, "",
		       MOVE_FROM_DESCRIPTOR | MOVE_TO_DESCRIPTOR) < 0 ? -errno : 0;
}

/*
 * pivot_root() stacks the old root over the new one, so it can be detached without a folder
 * for it. The mounts below the old root follow one by one, each without a parent.
 */
int prog_mount_become_root(const char *folder)
{
	return chdir(folder) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	       umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}
