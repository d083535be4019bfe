/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network device as drivers and devices see it (VIRTIO 1.3, section 5.1):
 * feature bits, configuration space, the header of a frame, commands. The header has
 * no functions, so its users need not link the library.
 *
 * Threads: constants and layouts only.
 */
#ifndef VIRTIO_DEVICES_NET_LAYOUT_H
#define VIRTIO_DEVICES_NET_LAYOUT_H

#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <vmm-sys-util/endian.h>

VSU_BEGIN_DECLS

/* Feature bits (5.1.3). HOST_: the device accepts such frames; GUEST_: the driver does. */
#define VIRTDEV_NET_F_CSUM		(UINT64_C(1) << 0)
#define VIRTDEV_NET_F_GUEST_CSUM	(UINT64_C(1) << 1)
#define VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS (UINT64_C(1) << 2)
#define VIRTDEV_NET_F_MTU		(UINT64_C(1) << 3)
#define VIRTDEV_NET_F_MAC		(UINT64_C(1) << 5)
#define VIRTDEV_NET_F_GUEST_TSO4	(UINT64_C(1) << 7)
#define VIRTDEV_NET_F_GUEST_TSO6	(UINT64_C(1) << 8)
#define VIRTDEV_NET_F_GUEST_ECN		(UINT64_C(1) << 9)
#define VIRTDEV_NET_F_GUEST_UFO		(UINT64_C(1) << 10)
#define VIRTDEV_NET_F_HOST_TSO4		(UINT64_C(1) << 11)
#define VIRTDEV_NET_F_HOST_TSO6		(UINT64_C(1) << 12)
#define VIRTDEV_NET_F_HOST_ECN		(UINT64_C(1) << 13)
#define VIRTDEV_NET_F_HOST_UFO		(UINT64_C(1) << 14)
#define VIRTDEV_NET_F_MRG_RXBUF		(UINT64_C(1) << 15)
#define VIRTDEV_NET_F_STATUS		(UINT64_C(1) << 16)
#define VIRTDEV_NET_F_CTRL_VQ		(UINT64_C(1) << 17)
#define VIRTDEV_NET_F_CTRL_RX		(UINT64_C(1) << 18)
#define VIRTDEV_NET_F_CTRL_VLAN		(UINT64_C(1) << 19)
#define VIRTDEV_NET_F_CTRL_RX_EXTRA	(UINT64_C(1) << 20)
#define VIRTDEV_NET_F_GUEST_ANNOUNCE	(UINT64_C(1) << 21)
#define VIRTDEV_NET_F_MQ		(UINT64_C(1) << 22)
#define VIRTDEV_NET_F_CTRL_MAC_ADDR	(UINT64_C(1) << 23)
#define VIRTDEV_NET_F_GUEST_USO4	(UINT64_C(1) << 54)
#define VIRTDEV_NET_F_GUEST_USO6	(UINT64_C(1) << 55)
#define VIRTDEV_NET_F_HOST_USO		(UINT64_C(1) << 56)

/* Configuration space (5.1.4). Fixed layout. */
struct virtdev_net_space {
	uint8_t mac[6];
	struct vsu_le16 status;		/* VIRTDEV_NET_S_* */
	struct vsu_le16 max_virtqueue_pairs;
	struct vsu_le16 mtu;		/* bytes */
	struct vsu_le32 speed;		/* Mbit/s; all ones: unknown */
	uint8_t duplex;			/* 0, 1; all ones: unknown */
	uint8_t rss_max_key_size;
	struct vsu_le16 rss_max_indirection_table_length;
	struct vsu_le32 supported_hash_types;
};

#define VIRTDEV_NET_S_LINK_UP	1u
#define VIRTDEV_NET_S_ANNOUNCE	2u	/* the driver should announce the guest */

/* Precedes each frame, in both directions (5.1.6). Fixed layout. */
struct virtdev_net_header {
	uint8_t flags;			/* VIRTDEV_NET_HDR_* */
	uint8_t gso_type;		/* VIRTDEV_NET_GSO_* */
	struct vsu_le16 hdr_len;	/* bytes of all headers of the frame; a hint */
	struct vsu_le16 gso_size;	/* payload of each segment */
	struct vsu_le16 csum_start;	/* offset at which the checksum begins */
	struct vsu_le16 csum_offset;	/* offset of the checksum from csum_start */
	struct vsu_le16 num_buffers;	/* number of buffers of a received frame */
};

#define VIRTDEV_NET_HDR_NEEDS_CSUM	1u
#define VIRTDEV_NET_HDR_DATA_VALID	2u

#define VIRTDEV_NET_GSO_NONE	0u
#define VIRTDEV_NET_GSO_TCPV4	1u
#define VIRTDEV_NET_GSO_UDP	3u
#define VIRTDEV_NET_GSO_TCPV6	4u
#define VIRTDEV_NET_GSO_UDP_L4	5u
#define VIRTDEV_NET_GSO_ECN	0x80u	/* with VIRTDEV_NET_GSO_TCPV4 or _TCPV6 */

/* Begins a command of the control queue (5.1.6.5); its data and the result byte follow.
   Fixed layout. */
struct virtdev_net_command {
	uint8_t command_class;		/* enum virtdev_net_class */
	uint8_t command;
};

/* The result byte, which the device stores. */
#define VIRTDEV_NET_OK	0u
#define VIRTDEV_NET_ERR	1u

enum virtdev_net_class {
	VIRTDEV_NET_CTRL_RX = 0,	/* data: 0 or 1, one byte */
	VIRTDEV_NET_CTRL_MAC = 1,
	VIRTDEV_NET_CTRL_VLAN = 2,	/* data: le16, the id */
	VIRTDEV_NET_CTRL_ANNOUNCE = 3,
	VIRTDEV_NET_CTRL_MQ = 4,
	VIRTDEV_NET_CTRL_GUEST_OFFLOADS = 5, /* data: le64, feature bits */
};

enum virtdev_net_rx {
	VIRTDEV_NET_RX_PROMISC = 0,
	VIRTDEV_NET_RX_ALLMULTI = 1,
	VIRTDEV_NET_RX_ALLUNI = 2,
	VIRTDEV_NET_RX_NOMULTI = 3,
	VIRTDEV_NET_RX_NOUNI = 4,
	VIRTDEV_NET_RX_NOBCAST = 5,
};

enum virtdev_net_mac {
	VIRTDEV_NET_MAC_TABLE_SET = 0,	/* two tables, unicast and multicast: le32
					   n and n addresses each */
	VIRTDEV_NET_MAC_ADDR_SET = 1,	/* one address */
};

enum virtdev_net_vlan {
	VIRTDEV_NET_VLAN_ADD = 0,
	VIRTDEV_NET_VLAN_DEL = 1,
};

#define VIRTDEV_NET_ANNOUNCE_ACK	0u
#define VIRTDEV_NET_MQ_PAIRS_SET	0u	/* data: le16 */
#define VIRTDEV_NET_GUEST_OFFLOADS_SET	0u

VSU_END_DECLS

#endif
