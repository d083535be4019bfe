/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files that are found again by handles of the host's file system. */
#ifndef VIRTIO_DEVICES_FS_FILE_HANDLE_H
#define VIRTIO_DEVICES_FS_FILE_HANDLE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

struct fs;
struct fs_inode;
struct statx;

/* By what a file is found again; no bytes: it cannot be. */
union fs_file_handle {
	struct file_handle handle;
	unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/* A file system in the folder, whose handles are of use; fd -1: they are not. */
struct fs_mount {
	uint64_t id;
	int fd;
};
#define FS_MOUNTS 64u

/*
 * file_handle.c: how the file behind fd is found again, where that can be and is
 * wanted; an errno where it has to be and cannot.
 */
int virtdev_priv_fs_file_handle_read(struct fs *fs, int fd, const struct statx *st,
				     union fs_file_handle *file_handle);
/* Two that may be one file's: as far as both are known. */
bool virtdev_priv_fs_file_handle_matches(const union fs_file_handle *a,
					 const union fs_file_handle *b);
/* Any file of that mount's file system, as O_PATH. */
int virtdev_priv_fs_file_handle_open_on(const struct fs *fs, uint64_t mount_id,
					const union fs_file_handle *file_handle);
int virtdev_priv_fs_file_handle_open(const struct fs *fs,
				     const struct fs_inode *inode);
void virtdev_priv_fs_mounts_fini(struct fs *fs);

#endif
