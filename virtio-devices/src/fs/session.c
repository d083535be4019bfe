/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Begins and ends a FUSE session. */
#include <config.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "fs/priv.h"

void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed)
{
	__atomic_store_n(&fs->kept, false, __ATOMIC_RELAXED);
	virtdev_priv_fs_recover_agreed(fs, agreed);
	__atomic_store_n(&fs->agreed, agreed, __ATOMIC_RELEASE);
}

static bool session_drop(struct fs *fs, struct fs_ending *ending, uint64_t until)
{
	return virtdev_priv_fs_owners_forget(fs, until) ||
	       virtdev_priv_fs_handles_forget(fs, &ending->handle, until) ||
	       virtdev_priv_fs_inodes_forget(fs, &ending->inode, until);
}

void virtdev_priv_fs_session_end(struct fs *fs)
{
	struct fs_ending ending = { 0 };

	virtdev_priv_fs_session_begin(fs, 0);
	virtdev_priv_fs_replay_clear(fs);
	session_drop(fs, &ending, UINT64_MAX);
}

bool virtdev_priv_fs_session_end_turn(struct fs *fs)
{
	if (!fs->ending.runs) {
		virtdev_priv_fs_session_begin(fs, 0);
		virtdev_priv_fs_replay_clear(fs);
		fs->ending = (struct fs_ending){ .runs = true };
	}
	fs->ending.runs = session_drop(fs, &fs->ending,
				       vsu_now_ns() + VQ_TURN_NS);
	return fs->ending.runs;
}
