/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the addresses in a frame, and decides whether the card passes it. */
#include <config.h>

#include <string.h>

#include "net/block.h"

#define ETHER_TYPE 12u
#define TAG 4u

/* EtherTypes */
#define TYPE_IPV4 0x0800u
#define TYPE_ARP 0x0806u
#define TYPE_IPV6 0x86ddu

/* Protocols above IPv6. */
#define HOP_BY_HOP 0u
#define TCP 6u
#define UDP 17u
#define ICMPV6 58u

#define TCP_FLAGS 13u
#define TCP_SYN 0x02u
#define TCP_ACK 0x10u
#define PORT_DHCPV6_SERVER 547u
#define ICMPV6_ECHO 128u
#define ICMPV6_NODE_QUERY 139u

#define ARP_SENDER 14u
#define ARP_TARGET 24u
#define IPV4_SOURCE 12u
#define IPV6_PROTOCOL 6u
#define IPV6_SOURCE 8u
#define IPV6_LEN 40u

/* An address range, and the weakest block that includes it. */
struct range {
	uint8_t bytes[16];
	uint8_t bits;
	uint8_t block;
	bool as_source;		/* also blocked as a source */
};

static const struct range v4_ranges[] = {
	{ { 127 }, 8, VIRTDEV_NET_BLOCK_LOOPBACK, true },
	/* Linux connects to itself for this range; as a source it is a host without an address. */
	{ { 0 }, 8, VIRTDEV_NET_BLOCK_LOOPBACK, false },
	{ { 169, 254 }, 16, VIRTDEV_NET_BLOCK_LOCAL, false },
	/* link-local groups */
	{ { 224, 0, 0 }, 24, VIRTDEV_NET_BLOCK_LOCAL, false },
	/* services of clouds outside of 169.254.0.0/16: Alibaba, Azure, Oracle */
	{ { 100, 100, 100, 200 }, 32, VIRTDEV_NET_BLOCK_LOCAL, false },
	{ { 168, 63, 129, 16 }, 32, VIRTDEV_NET_BLOCK_LOCAL, false },
	{ { 192, 0, 0, 192 }, 32, VIRTDEV_NET_BLOCK_LOCAL, false },
};

static const struct range v6_ranges[] = {
	{ { [15] = 1 }, 128, VIRTDEV_NET_BLOCK_LOOPBACK, true },
	/* services of clouds: Amazon, Google */
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, VIRTDEV_NET_BLOCK_LOCAL, false },
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, 128, VIRTDEV_NET_BLOCK_LOCAL, false },
};

/* IPv6 addresses that contain an IPv4 address. */
static const struct {
	uint8_t bytes[16];
	uint8_t bits, at;
} embeddings[] = {
	{ { 0 }, 96, 12 },				/* compatible, RFC 4291 */
	{ { [10] = 0xff, 0xff }, 96, 12 },		/* mapped, RFC 4291 */
	{ { [8] = 0xff, 0xff, 0, 0 }, 96, 12 },		/* translated, RFC 2765 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 96, 12 },		/* NAT64, RFC 6052 */
	{ { 0x20, 0x02 }, 16, 2 },			/* 6to4, RFC 3056 */
};

/* -------------------------------------------------------------------- addresses */

static bool has_prefix(const uint8_t *address, const uint8_t *prefix, unsigned int bits)
{
	return !memcmp(address, prefix, bits / 8);
}

static bool is_listed(const struct range *ranges, size_t n, const uint8_t *address, bool source,
		      enum virtdev_net_block block)
{
	const struct range *r;

	for (r = ranges; r < ranges + n; r++)
		if (r->block <= (unsigned int)block && (r->as_source || !source) && has_prefix(address, r->bytes, r->bits))
			return true;
	return false;
}

static bool is_v4_blocked(const uint8_t *address, bool source, enum virtdev_net_block block)
{
	return is_listed(v4_ranges, sizeof(v4_ranges) / sizeof(v4_ranges[0]), address, source, block);
}

/* Multicast of this scope, with any flags. */
static bool is_group(const uint8_t *address, uint8_t scope)
{
	return address[0] == 0xff && (address[1] & 15) == scope;
}

static bool is_v6_blocked(const uint8_t *address, bool source, enum virtdev_net_block block)
{
	size_t i;

	/* reserved, and interface-local: never on a link (RFC 4291, 2.7) */
	if (is_group(address, 0) || is_group(address, 1))
		return true;
	for (i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++)
		if (has_prefix(address, embeddings[i].bytes, embeddings[i].bits) &&
		    is_v4_blocked(address + embeddings[i].at, source, block))
			return true;
	return is_listed(v6_ranges, sizeof(v6_ranges) / sizeof(v6_ranges[0]), address, source, block);
}

static bool is_on_link(const uint8_t *address)
{
	return (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) || is_group(address, 2);
}

/* ---------------------------------------------------------------------- frames */

/*
 * Bytes of the frame at off. NULL: the frame is shorter, or the link would write its
 * checksum there.
 */
static const uint8_t *bytes_at(const struct net_head *h, uint32_t off, uint32_t n)
{
	return off + n <= h->len && off + n <= h->checksum ? h->bytes + off : NULL;
}

static uint32_t load_be16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static bool is_tag(uint32_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* Finds the type behind all tags; *off is the offset behind it. False: no type is readable. */
static bool find_type(const struct net_head *h, uint32_t *type, uint32_t *off)
{
	const uint8_t *at;
	unsigned int i;

	for (i = 0; i <= NET_BLOCK_TAGS; i++) {
		at = bytes_at(h, ETHER_TYPE + i * TAG, 2);
		if (!at)
			return false;
		*type = load_be16(at);
		*off = ETHER_TYPE + i * TAG + 2;
		if (!is_tag(*type))
			return true;
	}
	return false;
}

static bool is_arp_blocked(const struct net_head *h, uint32_t off, enum virtdev_net_block block)
{
	const uint8_t *arp = bytes_at(h, off, ARP_TARGET + 4);

	return !arp || arp[4] != 6 || arp[5] != 4 ||
	       is_v4_blocked(arp + ARP_SENDER, true, block) || is_v4_blocked(arp + ARP_TARGET, false, block);
}

static bool is_ipv4_blocked(const struct net_head *h, uint32_t off, enum virtdev_net_block block)
{
	const uint8_t *ip = bytes_at(h, off, 20);

	return !ip || is_v4_blocked(ip + IPV4_SOURCE, true, block) || is_v4_blocked(ip + IPV4_SOURCE + 4, false, block);
}

/*
 * Traffic that a link requires: errors, discovery of neighbours, routers and listeners,
 * DHCPv6, and replies on a connection that a neighbour made, such as passt for a client at
 * ::1.
 */
static bool is_link_traffic(const struct net_head *h, uint32_t protocol, uint32_t off)
{
	const uint8_t *at = bytes_at(h, off, protocol == TCP ? TCP_FLAGS + 1 : 4);

	if (!at)
		return false;
	switch (protocol) {
	case TCP:
		return (at[TCP_FLAGS] & (TCP_SYN | TCP_ACK)) != TCP_SYN;
	case UDP:
		return load_be16(at + 2) == PORT_DHCPV6_SERVER;
	case ICMPV6:
		return at[0] != ICMPV6_ECHO && at[0] != ICMPV6_NODE_QUERY;
	}
	return false;
}

/*
 * True unless the frame is link traffic. Reports of listeners may have one extension header
 * of 8 bytes; frames with others are blocked.
 */
static bool is_link_blocked(const struct net_head *h, uint32_t off)
{
	uint32_t protocol = h->bytes[off + IPV6_PROTOCOL], next = off + IPV6_LEN;
	const uint8_t *option;

	if (protocol == HOP_BY_HOP) {
		option = bytes_at(h, next, 8);
		if (!option || option[1])
			return true;
		protocol = option[0];
		next += 8;
	}
	return !is_link_traffic(h, protocol, next);
}

static bool is_ipv6_blocked(const struct net_head *h, uint32_t off, enum virtdev_net_block block)
{
	const uint8_t *ip = bytes_at(h, off, IPV6_LEN), *to;

	if (!ip)
		return true;
	to = ip + IPV6_SOURCE + 16;
	return is_v6_blocked(ip + IPV6_SOURCE, true, block) || is_v6_blocked(to, false, block) ||
	       (block == VIRTDEV_NET_BLOCK_LOCAL && is_on_link(to) && is_link_blocked(h, off));
}

bool virtdev_priv_net_is_blocked_out(const struct net_head *h, enum virtdev_net_block block)
{
	uint32_t type, off;

	if (!find_type(h, &type, &off))
		return true;
	switch (type) {
	case TYPE_ARP:
		return is_arp_blocked(h, off, block);
	case TYPE_IPV4:
		return is_ipv4_blocked(h, off, block);
	case TYPE_IPV6:
		return is_ipv6_blocked(h, off, block);
	}
	return false;
}

bool virtdev_priv_net_is_blocked_in(const struct net_head *h)
{
	return virtdev_priv_net_is_blocked_out(h, VIRTDEV_NET_BLOCK_LOOPBACK);
}
