/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the Linux kernel serves: a network card over a tap
 * interface (/dev/vhost-net), or sockets between guest and host
 * (/dev/vhost-vsock). The kernel moves frames and bytes without this process.
 *
 *   k          the open kernel nodes and the device; opaque
 *   device     a struct virtdev for a transport, with the features of the kernel
 *              and the tap interface
 *   server     the kernel behind the transport (server.h)
 *   control    queue of a network card for queue pairs, offloads and addresses.
 *              The kernel does not support it: the server serves it in this process
 *              (inline.h), and the event queue of sockets as well
 *
 * A network card has a pair of queues for each lane of its tap interface, and an
 * open kernel node for each pair. Pairs that the driver does not use
 * (VIRTDEV_NET_MQ_PAIRS_SET) are removed from the kernel, and their lanes are
 * disabled. The control queue accepts MAC, RX-mode and VLAN commands, but the
 * kernel does not filter: the guest receives every frame, which VIRTIO 1.3
 * permits (5.1.6.5.1 and .3). If a pair that the driver enables later fails to start, the
 * driver's command fails, and the err_fd of the pair's queues is signalled.
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

#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/net.h>
#include <virtio-devices/server.h>
#include <vm-memory/space.h>
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

/* Borrowed. The name is that of the kernel's node, "/dev/vhost-net", for messages. */
VIRTDEV_API struct virtdev *virtdev_vhost_kern_device(
		const struct virtdev_vhost_kern *k);
VIRTDEV_API const char *virtdev_vhost_kern_name(const struct virtdev_vhost_kern *k);

/*
 * Makes the kernel the server of the device behind t, until virtdev_server_free(), which
 * precedes virtdev_vhost_kern_free(). This process serves the control queue in space. t and
 * space are borrowed and outlive the server; owner is copied.
 *
 * Set the guest's memory before the driver starts the queues, in owner->starting at the
 * latest. After a change of the memory that the kernel refuses, call virtdev_server_fail()
 * before the memory is unmapped.
 *
 * -EBUSY: t or the device has a server; else codes of virtdev_inline_new().
 */
VIRTDEV_API int virtdev_vhost_kern_attach(struct virtdev_vhost_kern *k,
		struct virtdev_transport *t, struct vmem_space *space,
		const struct virtdev_server_owner *owner,
		struct virtdev_server **out, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
