/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Restores inodes and handles from records of another process, under their nodeids and
 * fh. Records are untrusted input.
 */
#ifndef VIRTIO_DEVICES_FS_RESTORE_H
#define VIRTIO_DEVICES_FS_RESTORE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "fs/priv.h"

/* FUSE_ROOT_ID is not valid in a record. */
bool virtdev_priv_fs_file_record_is_valid(const struct fs_file_record *f);
bool virtdev_priv_fs_open_record_is_valid(const struct fs_open_record *o);

/* -EBADMSG: the previous process negotiated flags that this device does not offer. */
int virtdev_priv_fs_agreed_check(const struct fs *fs, uint64_t agreed,
				 struct vsu_error *err);

/*
 * For valid records. 0: restored; 1: lost, and its number is never reused; -EEXIST:
 * the number is in use.
 */
int virtdev_priv_fs_restore_file(struct fs *fs, const struct fs_file_record *f);
/* After the last of them: closes the folder that they share. */
void virtdev_priv_fs_restore_end(struct fs *fs);
int virtdev_priv_fs_restore_open(struct fs *fs, const struct fs_open_record *o);

#endif
