/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Updates of the recovery file, as inodes, handles and names change. */
#ifndef VIRTIO_DEVICES_FS_DEVICE_RECOVER_H
#define VIRTIO_DEVICES_FS_DEVICE_RECOVER_H

#include "fs/device/priv.h"

/*
 * No effect without a recovery file. Under fs->lock, except agreed, set_dentry and
 * rename_*. If space for a record cannot be allocated, a crash loses the inode or handle.
 */
void virtdev_priv_fs_recover_agreed(struct fs *fs, uint64_t agreed);
void virtdev_priv_fs_recover_inode(struct fs *fs, const struct fs_inode *inode);
/* Its device and inode number. */
void virtdev_priv_fs_recover_number(struct fs *fs, const struct fs_inode *inode);
void virtdev_priv_fs_recover_lookups(struct fs *fs, const struct fs_inode *inode);
void virtdev_priv_fs_recover_handle(struct fs *fs,
				    const struct fs_handle *handle);
void virtdev_priv_fs_recover_drop(struct fs *fs, const struct fs_recover_table *t,
				  uint64_t id);
void virtdev_priv_fs_recover_set_dentry(struct fs *fs, uint64_t id, uint64_t parent,
					const char *name);

/* Called before and after a rename; is_there: it succeeded. */
void virtdev_priv_fs_recover_rename_begin(struct fs *fs, uint64_t id, uint64_t parent,
					  const char *name);
void virtdev_priv_fs_recover_rename_end(struct fs *fs, uint64_t id, bool is_there);

/* Allocates blocks for the table up to that offset, rounded up. */
int virtdev_priv_fs_recover_reserve(struct fs *fs,
				    struct fs_recover_table *t, uint64_t up_to);

#endif
