/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* File handles: open_by_handle_at() instead of a descriptor per inode. */
#ifndef VIRTIO_DEVICES_FS_FILE_HANDLE_H
#define VIRTIO_DEVICES_FS_FILE_HANDLE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

struct fs;
struct fs_inode;
struct statx;

/*
 * file_handle.c: reads the handle of fd; handle_bytes is 0 if handles are not configured
 * or not available. A negative errno: they are mandatory and not available.
 */
int virtdev_priv_fs_file_handle_read(struct fs *fs, int fd, const struct statx *st,
				     union fs_file_handle *file_handle);
/* False: different files. An absent handle matches any. */
bool virtdev_priv_fs_file_handle_matches(const union fs_file_handle *a,
					 const union fs_file_handle *b);
/* Opens any file of that mount's file system, O_PATH. */
int virtdev_priv_fs_file_handle_open_on(const struct fs *fs, uint64_t mount_id,
					const union fs_file_handle *file_handle);
int virtdev_priv_fs_file_handle_open(const struct fs *fs,
				     const struct fs_inode *inode);
void virtdev_priv_fs_mounts_fini(struct fs *fs);

#endif
