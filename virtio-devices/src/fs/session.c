/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Begins and ends a FUSE session. */
#include <config.h>

#include "fs/priv.h"

void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed)
{
	__atomic_store_n(&fs->kept, false, __ATOMIC_RELAXED);
	virtdev_priv_fs_recover_agreed(fs, agreed);
	__atomic_store_n(&fs->agreed, agreed, __ATOMIC_RELEASE);
}

void virtdev_priv_fs_session_end(struct fs *fs)
{
	virtdev_priv_fs_session_begin(fs, 0);
	virtdev_priv_fs_replay_clear(fs);
	virtdev_priv_fs_owners_forget_all(fs);
	virtdev_priv_fs_handles_forget_all(fs);
	virtdev_priv_fs_inodes_forget_all(fs);
}
