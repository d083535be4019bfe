/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory that comes and goes (VIRTIO 1.3, section 5.15): the owner requests a
 * size, and the driver plugs and unplugs blocks of 2 MiB until that is had.
 *
 * The memory is a memfd of the device's, and its region the whole of what may
 * be plugged. The region is filled by pieces of VIRTDEV_MEM_PIECE: one is mapped
 * while a block of it is plugged. Blocks that are unplugged are punched out of
 * the file; until all of its piece is, a guest that breaks the rules can fill
 * them again. Blocks stay plugged over a reset of the device.
 *
 * More than the requested size is never plugged. Over vhost-user nobody tells
 * the device where its region is.
 *
 * Threads: as device.h; the functions of a device on its thread. They take the
 * device that virtdev_mem_new() made, and no other.
 */
#ifndef VIRTIO_DEVICES_MEM_H
#define VIRTIO_DEVICES_MEM_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VIRTDEV_MEM_BLOCK (UINT64_C(2) << 20)
#define VIRTDEV_MEM_PIECE (UINT64_C(128) << 20)

/* The most that a device may have: its blocks fit into its state. */
#define VIRTDEV_MEM_MOST (UINT64_C(8) << 40)

struct virtdev_mem_config {
	size_t size;		/* sizeof(struct virtdev_mem_config) */
	uint64_t len;		/* bytes that may be plugged; whole pieces */
	uint64_t requested;	/* bytes that the driver is asked to have at
				   first; whole blocks */
	uint32_t queue_size_max;	/* entries of the queue; 0: 64 */
};

/*
 * -EINVAL: the struct's size, a len that is 0, not of whole pieces or above
 * VIRTDEV_MEM_MOST, a requested size that is not of whole blocks or above len,
 * or a queue_size_max that no queue can have.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_mem_new(
		const struct virtdev_mem_config *config, struct virtdev **out,
		struct vsu_error *err);

/*
 * The driver is told; when it follows, if at all, is up to the guest. -EINVAL as
 * virtdev_mem_new(), or for another device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_mem_set_requested(
		struct virtdev *dev, uint64_t bytes, struct vsu_error *err);

VSU_END_DECLS

#endif
