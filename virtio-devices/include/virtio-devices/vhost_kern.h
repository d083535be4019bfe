/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the Linux kernel serves: a network card over a tap
 * interface (/dev/vhost-net), or sockets between guest and host
 * (/dev/vhost-vsock). Frames and bytes do not pass this process.
 *
 *   k          the kernel's side and what is shown of it; opaque
 *   device     a struct virtdev with the features that the kernel and the tap
 *              interface have, for a transport; its queues cannot be started
 *              in this process
 *   start      gives the queues, as the driver set them up, to the kernel
 *   stop       takes them back; done when it returns
 *
 * A network card has one pair of queues and no control queue, which the kernel
 * does not know, and without which no driver uses more pairs: addresses are not
 * filtered, offloads are those of the last start. Queues start and stop together:
 * a transport must not offer VQ_F_RING_RESET for it. The device is not behind an
 * IOMMU; vhost_kern_iotlb_update() is for programs that have one. The third queue
 * of a socket device is for news of a migration, of which there are none.
 *
 * Threads: confined to one thread, the reading of the device's configuration
 * space by a transport included.
 */
#ifndef VIRTIO_DEVICES_VHOST_KERN_H
#define VIRTIO_DEVICES_VHOST_KERN_H

#include <stdint.h>

#include <vhost/kernel.h>
#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/net.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_vhost_kern;

/*
 * A network card as virtdev_net_new() makes one; its link has to be a tap
 * interface of one lane with headers. node: NULL, or another than
 * /dev/vhost-net. The codes of virtdev_net_new() and vhost_kern_open();
 * -EOPNOTSUPP: the kernel's vhost is too old.
 */
VIRTDEV_API int virtdev_vhost_kern_net(const struct virtdev_net_config *config,
				       const char *node,
				       struct virtdev_vhost_kern **out,
				       struct vsu_error *err) VSU_NODISCARD;

/* Sockets of a guest with that context id; queue_max: entries, 0: 256. */
VIRTDEV_API int virtdev_vhost_kern_vsock(uint64_t cid, uint32_t queue_max,
					 const char *node,
					 struct virtdev_vhost_kern **out,
					 struct vsu_error *err) VSU_NODISCARD;

/* The device and its link are freed with it. */
VIRTDEV_API void virtdev_vhost_kern_free(struct virtdev_vhost_kern *k);

/* Borrowed, as the kernel's side for what is not said here (its dirty log). */
VIRTDEV_API struct virtdev *virtdev_vhost_kern_device(
		const struct virtdev_vhost_kern *k);
VIRTDEV_API struct vhost_kern *virtdev_vhost_kern_kernel(
		const struct virtdev_vhost_kern *k);

/*
 * The guest's memory, now and whenever it changes: as vhost_kern_set_memory().
 * After -EBUSY the queues have to be stopped before the memory goes.
 */
VIRTDEV_API int virtdev_vhost_kern_set_memory(struct virtdev_vhost_kern *k,
					      struct vmem_map *map,
					      struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Starts queues as the driver set them up: n of them, rings[i] queue i; a ring
 * of size 0 was not set up. As vhost_kern_start(); nothing runs on failure.
 */
VIRTDEV_API int virtdev_vhost_kern_start(struct virtdev_vhost_kern *k,
					 uint64_t features,
					 const struct vhost_user_ring *rings,
					 uint32_t n, struct vsu_error *err)
	VSU_NODISCARD;

VIRTDEV_API void virtdev_vhost_kern_stop(struct virtdev_vhost_kern *k);

VSU_END_DECLS

#endif
