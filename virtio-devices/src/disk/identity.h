/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Distinguishes the content of a file from an earlier one without reading all of it, by its
 * size, its ends and the time of its last change. Detects mistakes, not attacks.
 */
#ifndef VIRTIO_DEVICES_DISK_IDENTITY_H
#define VIRTIO_DEVICES_DISK_IDENTITY_H

#include "disk/priv.h"

/* Reads all bytes, or fails; -ENODATA: the file ends before them. */
int virtdev_priv_read_all(int fd, void *to, uint64_t len, uint64_t pos);

/* FNV-1a, 64 bits. */
uint64_t virtdev_priv_sum(const void *data, size_t len);

/* Describes the first bytes of a file or block device; path is its name in messages. */
int virtdev_priv_identify(int fd, uint64_t bytes, const char *path,
			  struct virtdev_disk_identity *out, struct vsu_error *err);

#endif
