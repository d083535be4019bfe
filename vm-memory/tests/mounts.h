/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* File systems of a test's own, which nobody else sees and which end with it. */
#ifndef VMEM_TESTS_MOUNTS_H
#define VMEM_TESTS_MOUNTS_H

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

/*
 * A new folder with a file system mounted on it, in a mount namespace of this
 * process; NULL, or why there is none to be had. dir is as for mkdtemp().
 * Root may at once; others need a user namespace.
 */
static inline const char *mount_own(char *dir, const char *type,
				    const char *options)
{
	if (!mkdtemp(dir))
		return "no temporary directory";
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return "no mount namespace is to be had";
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return "mounts cannot be kept private";
	if (mount("vmem-test", dir, type, 0, options) < 0)
		return "the file system cannot be mounted";
	return NULL;
}

#endif
