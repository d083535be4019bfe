/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network device (VIRTIO 1.3, section 5.1) over a link (net_link.h): pairs of
 * receiving and sending queues, and a control queue by which the driver chooses
 * addresses, VLANs, offloads and how many pairs it uses.
 *
 * Frames go between the driver's buffers and the link without a copy where the
 * link allows. While the driver has no buffers, frames wait at the link, whose
 * own limits then decide.
 *
 * Threads: as device.h.
 */
#ifndef VIRTIO_DEVICES_NET_H
#define VIRTIO_DEVICES_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/net_link.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* The most pairs of queues, and the largest MTU. */
#define VIRTDEV_NET_PAIRS_MAX 127u
#define VIRTDEV_NET_MTU_MAX 65535u

struct virtdev_net_config {
	size_t size;		/* sizeof(struct virtdev_net_config) */
	struct virtdev_net_link *link; /* owned by the device on success */
	uint8_t mac[6];		/* all zero: one is made up */
	uint16_t mtu;		/* told to the driver, 68 at least; 0: nothing */
	bool no_offloads;	/* leave all sums and segments to the driver */
	uint32_t queue_size_max;	/* largest queue, entries; 0: 1024 */
};

/*
 * As many pairs of queues as the link has lanes. -EINVAL: the struct's size, no
 * link, an address of a group, an MTU or a queue that cannot be.
 */
VIRTDEV_API int virtdev_net_new(const struct virtdev_net_config *config,
				struct virtdev **out, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
