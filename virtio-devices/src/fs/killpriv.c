/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * SUID and SGID go when somebody without CAP_FSETID changes what is in a file. The
 * host's kernel sees to that, under the file's lock, for a thread that is without
 * it, too; the C library has no call for one thread.
 */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/priv.h"

#define FSETID (UINT32_C(1) << CAP_FSETID)

struct capabilities {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct sets[2];
};

static int read_own(struct capabilities *own)
{
	own->header = (struct __user_cap_header_struct){
		.version = _LINUX_CAPABILITY_VERSION_3 };
	return syscall(SYS_capget, &own->header, own->sets) < 0 ? -errno : 0;
}

static int set_own(struct capabilities *own, bool fsetid)
{
	own->sets[0].effective &= ~FSETID;
	own->sets[0].effective |= fsetid ? FSETID : 0;
	return syscall(SYS_capset, &own->header, own->sets) < 0 ? -errno : 0;
}

/* SGID without the group's x is no right of anybody. */
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
	struct capabilities own;
	int rc = read_own(&own);

	if (rc < 0 || !(own.sets[0].effective & FSETID))
		return rc;
	rc = set_own(&own, false);
	return rc < 0 ? rc : 1;
}

void virtdev_priv_fs_killpriv_end(int begun)
{
	struct capabilities own;

	if (begun > 0 && read_own(&own) >= 0)
		set_own(&own, true);
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
