/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The announcement of a migrated guest, from which switches learn its location. A driver
 * with GUEST_ANNOUNCE is asked to announce the guest. For other drivers the card broadcasts
 * a RARP request (RFC 903) whose sender is the guest.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "net/priv.h"

/* Minimum bytes of a frame without its checksum. */
#define FRAME_MIN 60u

/* Fields in the order of the wire. */
struct rarp {
	uint8_t to[NET_MAC], from[NET_MAC];
	uint8_t type[2];
	uint8_t hardware[2], protocol[2], hardware_len, protocol_len;
	uint8_t operation[2];
	uint8_t sender[NET_MAC], sender_ip[4];
	uint8_t target[NET_MAC], target_ip[4];
	uint8_t zero[FRAME_MIN - 42];
};

static struct rarp rarp_of(const uint8_t *mac)
{
	struct rarp r = {
		.type = { 0x80, 0x35 }, .hardware = { 0, 1 }, .protocol = { 0x08, 0x00 },
		.hardware_len = NET_MAC, .protocol_len = 4, .operation = { 0, 3 },
	};

	memset(r.to, 0xff, sizeof(r.to));
	memcpy(r.from, mac, NET_MAC);
	memcpy(r.sender, mac, NET_MAC);
	memcpy(r.target, mac, NET_MAC);
	return r;
}

void virtdev_priv_net_announce_begin(struct net *net)
{
	const uint64_t both = VIRTDEV_NET_F_GUEST_ANNOUNCE | VIRTDEV_NET_F_CTRL_VQ;
	const bool asks = (net->features & both) == both;

	memcpy(net->announced, net->filter.mac, NET_MAC);
	__atomic_store_n(&net->announce, asks ? NET_DRIVER_ANNOUNCES : NET_CARD_ANNOUNCES,
			 __ATOMIC_RELEASE);
}

bool virtdev_priv_net_announce(struct net_queue *q)
{
	struct net *net = q->net;
	const struct virtdev_net_link_ops *ops = &net->link->ops;
	struct virtdev_net_header header = { 0 };
	struct rarp r;
	const struct iovec iov[] = { { &header, sizeof(header) }, { &r, sizeof(r) } };

	if (virtdev_priv_net_lane(q) ||
	    __atomic_load_n(&net->announce, __ATOMIC_ACQUIRE) != NET_CARD_ANNOUNCES)
		return true;
	r = rarp_of(net->announced);
	if (ops->send(net->link->self, 0, iov, 2) == -EAGAIN)
		return false;
	__atomic_store_n(&net->announce, NET_SILENT, __ATOMIC_RELAXED);
	return true;
}
