/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* POSIX ACLs, which the host kernel stores as system.posix_acl_* attributes. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "fs/priv.h"
#include "fs/xattr_fd.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

bool virtdev_priv_fs_is_acl(const char *name)
{
	return !strcmp(name, ACCESS) || !strcmp(name, DEFAULT);
}

/* Bytes of the list, or a negative errno; -ENODATA: the file has none. */
static int list_len(const struct fs *fs, int fd, const char *name)
{
	return (int)virtdev_priv_fs_xattr_get(fs, fd, name, NULL, 0);
}

/* Checks the shared directory only: ACL support is per file system. */
int virtdev_priv_fs_acl_check(const struct fs *fs, const char *path,
			      struct vsu_error *err)
{
	int rc = fs->config.posix_acl ? list_len(fs, fs->folder, ACCESS) : 0;

	return rc >= 0 || rc == -ENODATA ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP,
			     "fs: the file system of '%s' has no access control lists; mount it with them, or leave posix-acl out",
			     path);
}

bool virtdev_priv_fs_has_default_acl(const struct fs_call *c)
{
	return list_len(c->fs, c->inode->fd, DEFAULT) > 0;
}
