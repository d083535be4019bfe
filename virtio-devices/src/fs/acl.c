/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Access control lists, which the host's kernel keeps as attributes of its own. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include <vmm-sys-util/fd.h>

#include "fs/priv.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

bool virtdev_priv_fs_is_acl(const char *name)
{
	return !strcmp(name, ACCESS) || !strcmp(name, DEFAULT);
}

/* How long it is, or an errno: -ENODATA where there is none now. */
static int list_len(int fd, const char *name)
{
	ssize_t n = fgetxattr(fd, name, NULL, 0);

	return n < 0 ? -errno : (int)n;
}

/* All of them by one folder: a file system has lists or not. */
int virtdev_priv_fs_acl_check(const struct fs *fs, const char *path,
			      struct vsu_error *err)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fs->folder);
	int fd, rc;

	if (!fs->config.posix_acl)
		return 0;
	fd = openat(fs->proc, name.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return vsu_error_sys(err, -errno, "fs: cannot open the folder '%s'",
				     path);
	rc = list_len(fd, ACCESS);
	vsu_fd_close(&fd);
	return rc >= 0 || rc == -ENODATA ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP,
			     "fs: the file system of '%s' has no access control lists; mount it with them, or leave posix-acl out",
			     path);
}

bool virtdev_priv_fs_has_default_acl(const struct fs_call *c)
{
	int fd = virtdev_priv_fs_reopen(c->fs, c->inode, O_RDONLY | O_NONBLOCK);
	bool has = fd >= 0 && list_len(fd, DEFAULT) > 0;

	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return has;
}
