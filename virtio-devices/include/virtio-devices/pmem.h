/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Persistent memory (VIRTIO 1.3, section 5.19): a file that the guest has as
 * memory, with a queue by which it asks for the stores to be on stable storage.
 *
 * The file is a shared memory region of the device, which its home maps when
 * the queue starts and leaves mapped over a reset. A flush is a flush of the
 * disk, under way beside everything else; requests that come meanwhile wait
 * for one more flush, which is for all of them. A flush that failed makes all
 * later ones fail: what was lost does not come back.
 *
 * Over vhost-user nobody tells the device where its region is, and the driver
 * finds none.
 *
 * Threads: as device.h.
 */
#ifndef VIRTIO_DEVICES_PMEM_H
#define VIRTIO_DEVICES_PMEM_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/disk.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Drivers take memory in multiples of it. */
#define VIRTDEV_PMEM_ALIGN (UINT64_C(2) << 20)

struct virtdev_pmem_config {
	size_t size;		/* sizeof(struct virtdev_pmem_config) */
	struct virtdev_disk *disk; /* opened from a file; owned on success. The
				   guest may store where the disk may write */
	uint64_t len;		/* bytes of the file, from its beginning, a
				   multiple of VIRTDEV_PMEM_ALIGN; 0: all */
	uint32_t queue_max;	/* entries of the queue; 0: 64 */
};

/*
 * -EINVAL: the struct's size, no disk, one without a file that could be mapped, a
 * len that exceeds it or is no multiple, or a queue_max that no queue can have.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_pmem_new(
		const struct virtdev_pmem_config *config, struct virtdev **out,
		struct vsu_error *err);

VSU_END_DECLS

#endif
