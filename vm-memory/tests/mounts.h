/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* File systems in a mount namespace of the test, which end with it. */
#ifndef VMEM_TESTS_MOUNTS_H
#define VMEM_TESTS_MOUNTS_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static inline bool mounts_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

/* Root of a user namespace: files cannot be made by a user without a number in it. */
static inline bool mounts_become_root(void)
{
	const unsigned int uid = geteuid(), gid = getegid();
	char users[32], groups[32];

	snprintf(users, sizeof(users), "0 %u 1", uid);
	snprintf(groups, sizeof(groups), "0 %u 1", gid);
	return !unshare(CLONE_NEWUSER | CLONE_NEWNS) &&
	       mounts_write("/proc/self/uid_map", users) &&
	       mounts_write("/proc/self/setgroups", "deny") &&
	       mounts_write("/proc/self/gid_map", groups);
}

/*
 * Mounts a file system on a new folder, in a mount namespace of this process.
 * Returns NULL, or the reason of a failure. dir is as for mkdtemp(). Without
 * privileges the process becomes root of a user namespace.
 */
static inline const char *mount_own(char *dir, const char *type,
				    const char *options)
{
	if (!mkdtemp(dir))
		return "no temporary directory";
	if (unshare(CLONE_NEWNS) < 0 && !mounts_become_root())
		return "this user may create no mount namespace";
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return "mounts cannot be kept private";
	if (mount("vmem-test", dir, type, 0, options) < 0)
		return "the file system cannot be mounted";
	return NULL;
}

#endif
