/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Addresses that a card blocks (enum virtdev_net_block). A decision depends only on the
 * first bytes of a frame: no receiver on such links finds the addresses elsewhere.
 */
#ifndef VIRTIO_DEVICES_NET_BLOCK_H
#define VIRTIO_DEVICES_NET_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/net.h>

/* VLAN tags of a frame; those with more are blocked. */
#define NET_BLOCK_TAGS 4u
/* Ethernet, tags, IPv6 with the shortest extension header, and TCP to its flags. */
#define NET_BLOCK_BYTES (14u + 4u * NET_BLOCK_TAGS + 40u + 8u + 14u)

#define NET_NO_CHECKSUM UINT32_MAX

struct net_head {
	const uint8_t *bytes;	/* of the frame, up to NET_BLOCK_BYTES */
	uint32_t len;
	uint32_t checksum;	/* offset that the link replaces, or NET_NO_CHECKSUM */
};

/* Checks a frame from the driver to the link. A frame that is too short for its addresses is blocked. */
bool virtdev_priv_net_is_blocked_out(const struct net_head *h, enum virtdev_net_block block);
/* From the link to the driver: loopback addresses, with any block but NONE. */
bool virtdev_priv_net_is_blocked_in(const struct net_head *h);

#endif
