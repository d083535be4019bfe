/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Hot-pluggable memory (VIRTIO 1.3, section 5.15): the owner requests a size,
 * and the driver plugs or unplugs blocks of 2 MiB until it has this size.
 *
 * The device's memory is a memfd of the maximum size, and a shared memory
 * region of the device. The region is mapped in pieces of VIRTDEV_MEM_PIECE: a
 * piece is mapped while one of its blocks is plugged. An unplugged block
 * becomes a hole in the file. A guest that violates the specification can fill
 * the hole again until the whole piece is unplugged. Blocks stay plugged over a
 * reset of the device.
 *
 * The device never plugs more than the requested size. Over vhost-user the
 * device does not learn the address of its region.
 *
 * Threads: as device.h; call these functions on the device's thread. They
 * require a device made by virtdev_mem_new().
 */
#ifndef VIRTIO_DEVICES_MEM_H
#define VIRTIO_DEVICES_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VIRTDEV_MEM_BLOCK (UINT64_C(2) << 20)
#define VIRTDEV_MEM_PIECE (UINT64_C(128) << 20)

/* Maximum length: the blocks must fit into the state of the device. */
#define VIRTDEV_MEM_MAX (UINT64_C(8) << 40)

struct virtdev_mem_config {
	size_t size;		/* sizeof(struct virtdev_mem_config) */
	uint64_t len;		/* maximum plugged bytes; whole pieces */
	uint64_t requested;	/* initially requested bytes; whole blocks */
	uint32_t queue_size_max;	/* entries of the queue; 0: 64 */
};

/*
 * -EINVAL: wrong struct size; len is 0, not whole pieces, or above
 * VIRTDEV_MEM_MAX; requested is not whole blocks or above len; or an invalid
 * queue_size_max.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_mem_new(
		const struct virtdev_mem_config *config, struct virtdev **out,
		struct vsu_error *err);

/*
 * Changes the requested size and notifies the driver, which may follow later or
 * never. -EINVAL as virtdev_mem_new(), or dev is another device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_mem_set_requested(
		struct virtdev *dev, uint64_t bytes, struct vsu_error *err);

/*
 * For a migration. A device that is held answers requests to plug or unplug with BUSY, and
 * the driver repeats them later. -EAGAIN: a request is in progress; -EINVAL: dev is another
 * device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_mem_hold(struct virtdev *dev, bool held);

/*
 * Plugs the blocks in [offset, offset + len) of a new device and maps their pieces, so that
 * their content can be stored before the state is loaded, which then decides which blocks
 * are plugged. -EINVAL: not whole blocks of the device, or dev is another device.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_mem_plug(
		struct virtdev *dev, uint64_t offset, uint64_t len,
		struct vsu_error *err);

VSU_END_DECLS

#endif
