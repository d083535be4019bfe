/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A user without CAP_FSETID who changes the content of a file clears its SUID and SGID.
 * The host's kernel does that under the file's lock for a thread that has dropped the
 * capability.
 */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>

#include "fs/capability.h"
#include "fs/priv.h"

/* SGID without group execute permission grants nothing. */
static bool has_privileges(int fd)
{
	const uint32_t group = S_ISGID | S_IXGRP;
	struct statx st;

	return virtdev_priv_fs_stat(fd, "", &st) >= 0 &&
	       S_ISREG(st.stx_mode) && (st.stx_mode & S_ISUID ||
					(st.stx_mode & group) == group);
}

int virtdev_priv_fs_killpriv_begin(int fd)
{
	return has_privileges(fd) ? virtdev_priv_fs_fsetid_drop() : 0;
}

int virtdev_priv_fs_fsetid_drop(void)
{
	return virtdev_priv_fs_capability_set(CAP_FSETID, false);
}

void virtdev_priv_fs_killpriv_end(int begun)
{
	if (begun > 0)
		virtdev_priv_fs_capability_set(CAP_FSETID, true);
}

int virtdev_priv_fs_reopen_killing(const struct fs *fs,
				   struct fs_inode *inode, int flags)
{
	const int begun = flags & O_TRUNC ?
			  virtdev_priv_fs_killpriv_begin(inode->fd) : 0;
	int fd = begun < 0 ? begun : virtdev_priv_fs_reopen(fs, inode, flags);

	virtdev_priv_fs_killpriv_end(begun);
	return fd;
}
