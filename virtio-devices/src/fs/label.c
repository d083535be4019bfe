/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The label that the guest's kernel assigns to a new file: an attribute that is set
 * before the driver gets its answer. If it cannot be set, the file is removed.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/priv.h"
#include "fs/xattr_fd.h"

int virtdev_priv_fs_label_set(const struct fs_call *c, int fd)
{
	return !c->label.name ? 0 :
	       virtdev_priv_fs_xattr_set(c->fs, fd, c->label.name,
					 c->label.value, c->label.len, 0);
}

int virtdev_priv_fs_label_name(const struct fs_call *c)
{
	int rc, fd;

	if (!c->label.name)
		return 0;
	fd = openat(c->inode->fd, c->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	rc = fd < 0 ? -errno : virtdev_priv_fs_label_set(c, fd);
	vsu_fd_close(&fd);
	return rc;
}

void virtdev_priv_fs_label_undo(const struct fs_call *c, int fd)
{
	struct statx made, there;

	if (virtdev_priv_fs_stat(fd, "", &made) < 0 ||
	    virtdev_priv_fs_stat(c->inode->fd, c->name, &there) < 0 ||
	    made.stx_ino != there.stx_ino ||
	    virtdev_priv_fs_dev_of(&made) != virtdev_priv_fs_dev_of(&there))
		return;
	unlinkat(c->inode->fd, c->name,
		 S_ISDIR(made.stx_mode) ? AT_REMOVEDIR : 0);
}
