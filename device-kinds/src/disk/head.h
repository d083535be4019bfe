/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The first bytes of an image. */
#ifndef DEVICE_KINDS_DISK_HEAD_H
#define DEVICE_KINDS_DISK_HEAD_H

#include <sys/types.h>

#include <device-kinds/disk.h>

#define DEVKIND_PRIV_DISK_HEAD_SECONDS 3

/*
 * Returns the bytes read, fewer at the end of the file, or a negative errno. A file of a
 * file server (FUSE, network) is read by a thread; -ETIMEDOUT: it did not respond within
 * DEVKIND_PRIV_DISK_HEAD_SECONDS.
 */
ssize_t devkind_priv_disk_head_read(int fd, char bytes[DEVKIND_DISK_HEAD]);

#endif
