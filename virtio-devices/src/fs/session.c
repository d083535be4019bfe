/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The end of a session: nothing that the driver knew is left. */
#include <config.h>

#include "fs/fs_priv.h"

void virtdev_priv_fs_session_end(struct fs *fs)
{
	__atomic_store_n(&fs->agreed, 0, __ATOMIC_RELEASE);
	virtdev_priv_fs_owners_forget_all(fs);
	virtdev_priv_fs_handles_forget_all(fs);
	virtdev_priv_fs_inodes_forget_all(fs);
}
