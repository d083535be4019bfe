/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Extended attributes of a file by its O_PATH descriptor, whatever its type: FIFOs,
 * sockets, devices and symbolic links cannot be opened for fgetxattr().
 *
 * Before Linux 6.13 (getxattrat) the calling thread gets its own working directory by
 * unshare(CLONE_FS), and changes to /proc/self/fd during the call.
 */
#ifndef VIRTIO_DEVICES_FS_XATTR_FD_H
#define VIRTIO_DEVICES_FS_XATTR_FD_H

#include <stddef.h>
#include <sys/types.h>

struct fs;

/* Bytes of the value or list, or a negative errno; size 0 queries the length. */
ssize_t virtdev_priv_fs_xattr_get(const struct fs *fs, int fd, const char *name,
				  void *value, size_t size);
ssize_t virtdev_priv_fs_xattr_list(const struct fs *fs, int fd, char *names,
				   size_t size);

/* 0 or a negative errno; flags of setxattr(). */
int virtdev_priv_fs_xattr_set(const struct fs *fs, int fd, const char *name,
			      const void *value, size_t size, int flags);
int virtdev_priv_fs_xattr_remove(const struct fs *fs, int fd, const char *name);

#endif
