/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block device (VIRTIO 1.3, section 5.2): read, write, flush, get-id,
 * discard and write-zeroes, over a disk (disk.h) whose format is raw.
 *
 * Threads: as device.h.
 */
#ifndef VIRTIO_DEVICES_BLK_H
#define VIRTIO_DEVICES_BLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/disk.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* The longest request in segments that the device announces. */
#define VIRTDEV_BLK_SEG_MAX 126u

struct virtdev_blk_config {
	size_t size;		/* sizeof(struct virtdev_blk_config) */
	struct virtdev_disk *disk; /* owned by the device on success */
	uint32_t nqueues;	/* 1..256; 0: 1 */
	uint32_t queue_size_max;	/* largest queue, entries; 0: 1024 */
	const char *serial;	/* for get-id, at most 20 bytes count; or NULL */
	bool writethrough;	/* until the driver asks for a write-back cache,
				   a write is on stable storage when it is done */
	bool early_channels;	/* virtdev_blk_new() opens a channel to the disk
				   for each queue, and queues keep them: for
				   programs that filter system calls later */
};

VIRTDEV_API int virtdev_blk_new(const struct virtdev_blk_config *config,
				struct virtdev **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * The disk has bytes from now on, and its driver is told. An image file that is
 * smaller grows; 0 bytes: as many as the file or block device has by now. On
 * the device's thread; requests go on. -EINVAL: fewer bytes than before, or no
 * multiple of its blocks, -EOPNOTSUPP: this kind of disk keeps its size,
 * -ENOSPC: a block device is smaller, -EROFS: a read-only image is, or what
 * the file system said.
 */
VIRTDEV_API int virtdev_blk_resize(struct virtdev *dev, uint64_t bytes,
				   struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
