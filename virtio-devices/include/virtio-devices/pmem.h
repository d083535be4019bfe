/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Persistent memory (VIRTIO 1.3, section 5.19): the guest maps a file as memory
 * and requests flushes of its stores to stable storage through a queue.
 *
 * The file is a shared memory region of the device. The transport maps it when
 * the queue starts, or a saved state is loaded, and keeps it mapped over a reset. A flush is an asynchronous
 * flush of the disk; requests that arrive meanwhile share one further flush.
 * After a failed flush all later ones fail, because lost stores stay lost.
 *
 * If the disk is read-only, the region is mapped read-only and the guest's
 * stores are dropped. VIRTIO has no feature that reports this to the driver,
 * so every flush fails.
 *
 * A vhost-user back-end does not know the guest address of its region. The
 * configuration space then contains no address, and drivers cannot use the device.
 *
 * Threads: as device.h.
 */
#ifndef VIRTIO_DEVICES_PMEM_H
#define VIRTIO_DEVICES_PMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/disk.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Drivers add persistent memory in multiples of this size. */
#define VIRTDEV_PMEM_ALIGN (UINT64_C(2) << 20)

struct virtdev_pmem_config {
	size_t size;		/* sizeof(struct virtdev_pmem_config) */
	struct virtdev_disk *disk; /* opened from a file; owned on success */
	uint64_t len;		/* bytes of the file, from its beginning, a
				   multiple of VIRTDEV_PMEM_ALIGN; 0: all */
	uint32_t queue_size_max;	/* entries of the queue; 0: 64 */
};

/*
 * -EINVAL: wrong struct size, no disk, a disk without a file that can be mapped, a len
 * that exceeds the file or is not a multiple of VIRTDEV_PMEM_ALIGN, or an invalid
 * queue_size_max. -EBUSY: another device owns the disk.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_pmem_new(
		const struct virtdev_pmem_config *config, struct virtdev **out,
		struct vsu_error *err);

/*
 * For another process that continues with the file, as of a disk (blk.h): acquires or
 * releases the lock, writes all stores to stable storage, and describes the content. The
 * description has no time, because a mapping changes it late. -EINVAL: dev is no persistent
 * memory.
 */
VIRTDEV_API int virtdev_pmem_set_locked(struct virtdev *dev, bool locked,
					struct vsu_error *err) VSU_NODISCARD;
VIRTDEV_API int virtdev_pmem_flush(struct virtdev *dev, struct vsu_error *err)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_pmem_identify(struct virtdev *dev,
				      struct virtdev_disk_identity *out,
				      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
