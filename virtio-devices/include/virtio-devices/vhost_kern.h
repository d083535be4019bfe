/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the Linux kernel serves: a network card over a tap
 * interface (/dev/vhost-net), or sockets between guest and host
 * (/dev/vhost-vsock). The kernel moves frames and bytes without this process.
 *
 *   k          the open kernel nodes and the device; opaque
 *   device     a struct virtdev for a transport, with the features of the kernel
 *              and the tap interface
 *   start      passes the queues, as the driver set them up, to the kernel
 *   stop       removes them from the kernel; complete when it returns
 *   control    queue of a network card for queue pairs, offloads and addresses.
 *              The kernel does not support it: this process serves it like any
 *              queue of a device (inline.h), and the event queue of sockets as well
 *
 * A network card has a pair of queues for each lane of its tap interface, and an
 * open kernel node for each pair. Pairs that the driver does not use
 * (VIRTDEV_NET_MQ_PAIRS_SET) are removed from the kernel, and their lanes are
 * disabled. The control queue accepts MAC, RX-mode and VLAN commands, but the
 * kernel does not filter: the guest receives every frame, which VIRTIO 1.3
 * permits (5.1.6.5.1 and .3).
 *
 * The queues of a socket device start and stop together. This process serves its
 * event queue, to inform the driver of a restored device that its connections have
 * ended, and of a new CID. The device is not behind an IOMMU.
 *
 * Threads: confined to one thread, including reads of the device's configuration
 * space by a transport.
 */
#ifndef VIRTIO_DEVICES_VHOST_KERN_H
#define VIRTIO_DEVICES_VHOST_KERN_H

#include <stdbool.h>
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
 * A network card as virtdev_net_new() creates it; its link must be a tap
 * interface with headers, without rate limits. node NULL: /dev/vhost-net. Codes of
 * virtdev_net_new() and vhost_kern_open(); -EOPNOTSUPP: the kernel's vhost is too old.
 */
VIRTDEV_API int virtdev_vhost_kern_net(const struct virtdev_net_config *config,
				       const char *node,
				       struct virtdev_vhost_kern **out,
				       struct vsu_error *err) VSU_NODISCARD;

/* Sockets of the guest with this CID; queue_size_max: entries, 0: 256. */
VIRTDEV_API int virtdev_vhost_kern_vsock(uint64_t cid, uint32_t queue_size_max,
					 const char *node,
					 struct virtdev_vhost_kern **out,
					 struct vsu_error *err) VSU_NODISCARD;

/* Frees its device and link as well. */
VIRTDEV_API void virtdev_vhost_kern_free(struct virtdev_vhost_kern *k);

/*
 * Borrowed. Side i is the kernel node of queues 2 * i and 2 * i + 1, for
 * functions that this header does not have, such as the dirty log; NULL: no
 * such side. Sockets have one side. virtdev_vhost_kern_kernel() returns side 0.
 */
VIRTDEV_API struct virtdev *virtdev_vhost_kern_device(
		const struct virtdev_vhost_kern *k);
VIRTDEV_API struct vhost_kern *virtdev_vhost_kern_side(
		const struct virtdev_vhost_kern *k, uint32_t i);
VIRTDEV_API struct vhost_kern *virtdev_vhost_kern_kernel(
		const struct virtdev_vhost_kern *k);

/*
 * Whether this process serves the queue: a card's control queue, and the event queue of
 * sockets. The caller starts it
 * (virtdev_queue_start()) after it has set the driver's features.
 */
VIRTDEV_API bool virtdev_vhost_kern_is_control(
		const struct virtdev_vhost_kern *k, uint32_t queue);

/*
 * Sets the guest's memory, initially and after each change; codes of
 * vhost_kern_set_memory(). After -EBUSY, stop the queues before you unmap the
 * memory.
 */
VIRTDEV_API int virtdev_vhost_kern_set_memory(struct virtdev_vhost_kern *k,
					      struct vmem_map *map,
					      struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Starts n queues as the driver set them up: rings[i] is queue i. A ring of
 * size 0 is not set up; the control queue's ring is ignored. Call it after
 * virtdev_set_features(), which a transport does. The descriptors are borrowed
 * until the stop. Codes of vhost_kern_start(); on failure no queue runs.
 *
 * If a pair that the driver enables later fails to start, the driver's command
 * fails, and the err_fd of the pair's rings is signalled.
 */
VIRTDEV_API int virtdev_vhost_kern_start(struct virtdev_vhost_kern *k,
					 uint64_t features,
					 const struct vhost_user_ring *rings,
					 uint32_t n, struct vsu_error *err)
	VSU_NODISCARD;

VIRTDEV_API void virtdev_vhost_kern_stop(struct virtdev_vhost_kern *k);
/*
 * Position of a queue after that stop, as vq_base(); 0 if it was not set up or is not the
 * kernel's. For another start, ring.base.
 */
VIRTDEV_API uint32_t virtdev_vhost_kern_base(const struct virtdev_vhost_kern *k,
					     uint32_t queue);

/*
 * For VQ_F_RING_RESET. Reset removes one queue from the kernel; start passes it
 * to the kernel with its new ring. The other queue of a card's pair continues
 * at its index; sockets wait until both queues are set up. A queue that the kernel does
 * not serve is ignored. Errors of virtdev_vhost_kern_start(); both queues may then be
 * stopped, and the driver must reset the device.
 */
VIRTDEV_API int virtdev_vhost_kern_reset_queue(struct virtdev_vhost_kern *k,
					       uint32_t queue,
					       struct vsu_error *err)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_vhost_kern_start_queue(struct virtdev_vhost_kern *k,
					       uint32_t queue,
					       const struct vhost_user_ring *ring,
					       struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
