/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the Linux kernel serves: a network card over a tap
 * interface (/dev/vhost-net), or sockets between guest and host
 * (/dev/vhost-vsock). Frames and bytes do not pass this process.
 *
 *   k          the kernel's side and what is shown of it; opaque
 *   device     a struct virtdev with the features that the kernel and the tap
 *              interface have, for a transport
 *   start      gives the queues, as the driver set them up, to the kernel
 *   stop       takes them back; done when it returns
 *   control    the queue of a network card by which its driver chooses pairs,
 *              offloads and addresses. The kernel does not know it: this
 *              process serves it, as any queue of the device (inline.h)
 *
 * A network card has a pair of queues for each lane of its tap interface, and an
 * open node of the kernel's for each pair. Those that the driver does not use
 * (VIRTDEV_NET_MQ_PAIRS_SET) are taken back from the kernel, and their lanes get
 * no frames. The kernel filters none: what the driver says of addresses, modes
 * and VLANs is answered and remembered, and it receives more than it asked for
 * (VIRTIO 1.3, 5.1.6.5.1 and .3 leave it to the device).
 *
 * The queues of a socket device run together. Its third queue is for news of a
 * migration, of which there are none. The device is not behind an IOMMU.
 *
 * Threads: confined to one thread, the reading of the device's configuration
 * space by a transport included.
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
 * A network card as virtdev_net_new() makes one; its link has to be a tap
 * interface with headers. node: NULL, or another than /dev/vhost-net. The codes
 * of virtdev_net_new() and vhost_kern_open(); -EOPNOTSUPP: the kernel's vhost is
 * too old.
 */
VIRTDEV_API int virtdev_vhost_kern_net(const struct virtdev_net_config *config,
				       const char *node,
				       struct virtdev_vhost_kern **out,
				       struct vsu_error *err) VSU_NODISCARD;

/* Sockets of a guest with that context id; queue_size_max: entries, 0: 256. */
VIRTDEV_API int virtdev_vhost_kern_vsock(uint64_t cid, uint32_t queue_size_max,
					 const char *node,
					 struct virtdev_vhost_kern **out,
					 struct vsu_error *err) VSU_NODISCARD;

/* The device and its link are freed with it. */
VIRTDEV_API void virtdev_vhost_kern_free(struct virtdev_vhost_kern *k);

/*
 * Borrowed, as the kernel's sides for what is not said here (the dirty log, which
 * each has for itself): side i serves queues 2 * i and 2 * i + 1. NULL: there are
 * not so many; sockets have one. virtdev_vhost_kern_kernel() gives the first.
 */
VIRTDEV_API struct virtdev *virtdev_vhost_kern_device(
		const struct virtdev_vhost_kern *k);
VIRTDEV_API struct vhost_kern *virtdev_vhost_kern_side(
		const struct virtdev_vhost_kern *k, uint32_t i);
VIRTDEV_API struct vhost_kern *virtdev_vhost_kern_kernel(
		const struct virtdev_vhost_kern *k);

/*
 * True: the control queue of a card, which the caller has to start
 * (virtdev_queue_start()), once the driver's features are known.
 */
VIRTDEV_API bool virtdev_vhost_kern_is_control(
		const struct virtdev_vhost_kern *k, uint32_t queue);

/*
 * The guest's memory, now and whenever it changes: as vhost_kern_set_memory().
 * After -EBUSY the queues have to be stopped before the memory goes.
 */
VIRTDEV_API int virtdev_vhost_kern_set_memory(struct virtdev_vhost_kern *k,
					      struct vmem_map *map,
					      struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Starts queues as the driver set them up, after virtdev_set_features(), as a
 * transport calls it: n of them, rings[i] queue i; a ring of size 0 was not set
 * up, and that of the control queue is left out. The descriptors are borrowed
 * until the stop. As vhost_kern_start(); nothing runs on failure.
 *
 * Pairs that come into use later may fail to start: the driver's command is
 * answered by an error, and the err_fd of their rings is signalled.
 */
VIRTDEV_API int virtdev_vhost_kern_start(struct virtdev_vhost_kern *k,
					 uint64_t features,
					 const struct vhost_user_ring *rings,
					 uint32_t n, struct vsu_error *err)
	VSU_NODISCARD;

VIRTDEV_API void virtdev_vhost_kern_stop(struct virtdev_vhost_kern *k);

/*
 * For VQ_F_RING_RESET: takes one queue back, done when it returns; and gives it
 * to the kernel again as the driver set it up anew. The other one of the pair of
 * a card goes on where it stood; that of sockets waits until both are there. A
 * queue that is not the kernel's is left alone. The codes of a start: both may
 * be stopped then, and the driver has to reset the device.
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
