/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The properties nosuid and nodev: the driver creates no file that gives privileges to
 * users of the host. The device fails such a request as for an unprivileged user. Otherwise
 * a program of the guest that restores modes would report success.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "fs/users/users.h"

#define CAPABILITIES "security.capability"

/* The mode that the request gives a file other than a folder, or 0. */
static uint32_t new_mode(const struct fs_call *c)
{
	switch (c->in.opcode) {
	case FUSE_MKNOD:
		return c->arg.mknod.mode;
	case FUSE_CREATE:
	case FUSE_TMPFILE:
		return c->arg.create.mode;
	case FUSE_SETATTR:
		return c->arg.setattr.valid & FATTR_MODE && c->inode->type != S_IFDIR ?
		       c->arg.setattr.mode : 0;
	default:
		return 0;
	}
}

/*
 * True if the request sets SUID or SGID, or an access control list on a file with one of
 * them: the list sets the permissions of the mode, and keeps these bits.
 */
static bool sets_privileges(const struct fs_call *c)
{
	if (new_mode(c) & FS_PRIVILEGES)
		return true;
	if (c->label.name && !strcmp(c->label.name, CAPABILITIES))
		return true;
	return c->in.opcode == FUSE_SETXATTR &&
	       (!strcmp(c->name, CAPABILITIES) ||
		(virtdev_priv_fs_is_acl(c->name) && virtdev_priv_fs_is_privileged(c->inode->fd)));
}

/* The character device 0:0 is not a device: overlayfs marks removed names by it. */
static bool makes_device(const struct fs_call *c)
{
	const struct fuse_mknod_in *in = &c->arg.mknod;

	return c->in.opcode == FUSE_MKNOD &&
	       (S_ISBLK(in->mode) || (S_ISCHR(in->mode) && in->rdev));
}

int virtdev_priv_fs_check_privileges(const struct fs_call *c)
{
	return (c->fs->config.nosuid && sets_privileges(c)) ||
	       (c->fs->config.nodev && makes_device(c)) ? -EPERM : 0;
}
