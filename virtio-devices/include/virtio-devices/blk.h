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
#include <virtio-devices/rate.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Maximum segments of a request, as reported to the driver (seg_max). */
#define VIRTDEV_BLK_SEG_MAX 126u

struct virtdev_blk_config {
	size_t size;		/* sizeof(struct virtdev_blk_config) */
	struct virtdev_disk *disk; /* owned by the device on success */
	uint32_t nqueues;	/* 1..256; 0: 1 */
	uint32_t queue_size_max;	/* largest queue, entries; 0: 1024 */
	const char *serial;	/* for get-id, truncated to 20 bytes; or NULL */
	bool writethrough;	/* a write completes when it is on stable storage,
				   unless the driver enables the write-back cache */
	bool early_channels;	/* virtdev_blk_new() opens a channel to the disk
				   for each queue, and queues keep them: for
				   programs that filter system calls later */
	struct virtdev_rate_limits limits; /* of all queues together; see
				   virtdev_blk_set_limits() */
};

/*
 * -EINVAL: wrong struct size, no disk, or a number out of range; -EBUSY: another device
 * owns the disk; -ENOMEM; or an error of the disk's channels (early_channels).
 *
 * A queue that stops before it is drained is broken and reported (report.h). Until the
 * disk has completed its requests, the queue cannot start again (-EBUSY), and
 * virtdev_free() keeps the memory that the disk uses.
 */
VIRTDEV_API int virtdev_blk_new(const struct virtdev_blk_config *config,
				struct virtdev **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Changes the disk's size and notifies the driver. A smaller image file is extended;
 * bytes 0: the current size of the file or block device. On the device's thread, while
 * requests continue. -EINVAL: shrinks, or not a multiple of the block size; -EOPNOTSUPP:
 * the kind of disk has a fixed size; -ENOSPC: the block device is smaller; -EROFS: a
 * read-only image is smaller; or an error of the file system.
 */
VIRTDEV_API int virtdev_blk_resize(struct virtdev *dev, uint64_t bytes,
				   struct vsu_error *err) VSU_NODISCARD;

/*
 * Acquires or releases the lock of an image (disk.h), so that another process can
 * continue with it. The first process calls virtdev_blk_flush() and releases the lock;
 * the second has opened the image with unlocked, and then acquires the lock. On the
 * device's thread. -EBUSY: another process holds a conflicting lock; -EOPNOTSUPP: the
 * disk is not a file.
 */
VIRTDEV_API int virtdev_blk_set_locked(struct virtdev *dev, bool locked,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Limits bytes and requests per second (rate.h), also while requests continue. Each
 * request is an operation. The bytes are those of reads and writes, and of ranges to discard
 * or to zero. Requests that wait remain in the ring. -EINVAL: as
 * virtdev_rate_set(). Any thread.
 */
VIRTDEV_API int virtdev_blk_set_limits(struct virtdev *dev,
				       const struct virtdev_rate_limits *limits,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Writes all completed requests to stable storage, and blocks meanwhile. No effect on a
 * disk that is read-only or not a file. A disk with channel_flush (disk.h) flushes when its
 * queues stop, and this returns the result. Any thread. Returns -EIO or another error of
 * the host, also if an earlier flush failed.
 */
VIRTDEV_API int virtdev_blk_flush(struct virtdev *dev, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Describes the file with the disk's latest content (disk.h): the image, or of an overlay
 * with changes the overlay. A later process compares it to find out whether the disk was
 * changed meanwhile. Reads the file and may block; any thread, while no request is in
 * progress. -EOPNOTSUPP: the disk is not a file; or an error of the host.
 */
VIRTDEV_API int virtdev_blk_identify(struct virtdev *dev,
				     struct virtdev_disk_identity *out,
				     struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
