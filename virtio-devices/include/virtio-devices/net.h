/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network device (VIRTIO 1.3, section 5.1) over a link (net_link.h): queue
 * pairs for receiving and sending, and a control queue for addresses, VLANs,
 * offloads and the number of active pairs.
 *
 * Frames are not copied between the driver's buffers and the link, if the link
 * permits. While the driver has no buffers, frames wait in the link, whose
 * limits then apply.
 *
 * After a saved state was loaded, a driver with GUEST_ANNOUNCE is asked to announce the guest
 * to the network; for others the card sends one request of RARP in its first turn.
 *
 * Threads: as device.h; virtdev_net_work() and its end: any thread.
 */
#ifndef VIRTIO_DEVICES_NET_H
#define VIRTIO_DEVICES_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/net_link.h>
#include <virtio-devices/rate.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Maximum queue pairs, and maximum MTU. */
#define VIRTDEV_NET_PAIRS_MAX 127u
#define VIRTDEV_NET_MTU_MAX 65535u

/*
 * Addresses that a card keeps out of its link, for links on which the guest would act as a
 * process of the host. Frames from and to loopback addresses are dropped: 127.0.0.0/8 and
 * ::1 in ARP, IPv4 and IPv6, with VLAN tags, and IPv4 addresses in IPv6 ones. So are
 * frames to 0.0.0.0/8 and ::, which Linux treats as addresses of the host. LOCAL also drops
 * what the driver sends to link-local addresses and to metadata services of clouds. It passes
 * neighbour discovery, DHCPv6, and segments of TCP that do not begin a connection.
 */
enum virtdev_net_block {
	VIRTDEV_NET_BLOCK_NONE,
	VIRTDEV_NET_BLOCK_LOOPBACK,
	VIRTDEV_NET_BLOCK_LOCAL,
};

struct virtdev_net_config {
	size_t size;		/* sizeof(struct virtdev_net_config) */
	struct virtdev_net_link *link; /* owned by the device on success */
	uint8_t mac[6];		/* all zero: a random address */
	uint16_t mtu;		/* reported to the driver, at least 68; 0: not reported */
	bool no_offloads;	/* leave all checksums and segmentation to the driver */
	uint32_t queue_size_max;	/* largest queue, entries; 0: 1024 */
	struct virtdev_rate_limits receive, send; /* see virtdev_net_set_limits() */
	enum virtdev_net_block block;	/* not for queues that the kernel serves */
};

/*
 * Creates one queue pair per lane of the link. -EINVAL: wrong struct size, no
 * link, a multicast address, an invalid MTU, queue_size_max or block; -EBUSY: another device
 * owns the link.
 */
VIRTDEV_API int virtdev_net_new(const struct virtdev_net_config *config,
				struct virtdev **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Limits frames and their bytes per second (rate.h), each direction apart, of all queues
 * together; an operation is a frame. Frames to send wait in the ring, received ones in
 * the link, whose limits then apply. Frames that the driver's filters drop count, too. A
 * limit that is NULL remains. -EINVAL, without effect: as virtdev_rate_set(). Any thread.
 */
VIRTDEV_API int virtdev_net_set_limits(struct virtdev *dev,
				       const struct virtdev_rate_limits *receive,
				       const struct virtdev_rate_limits *send,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * For a link whose lanes are slow to change, such as a tap interface with several queues:
 * makes these changes on the calling thread until any thread calls virtdev_net_work_end(),
 * which is permanent. Without such a thread, the device makes them when the driver stops
 * queues or changes the number of pairs in use; each waits some ms in the kernel. Also for
 * virtdev_vhost_kern_device(). Free the device only after all calls have returned. -EINVAL:
 * the device is no network card of this process; -EOPNOTSUPP: its link has no such changes.
 */
VIRTDEV_API int virtdev_net_work(struct virtdev *dev) VSU_NODISCARD;
VIRTDEV_API void virtdev_net_work_end(struct virtdev *dev);

VSU_END_DECLS

#endif
