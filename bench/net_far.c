/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sockets and a tap interface, and what is at their other end. */
#include <config.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>

#include <virtio-devices/net_layout.h>
#include <vmm-sys-util/fd.h>

#include "guest_rig.h"
#include "net_far.h"

#define LENGTH 4u		/* in front of a frame of a stream */
#define HEADER ((uint32_t)sizeof(struct virtdev_net_header))
#define ETHERNET 14u
/* The longest frame that is sent as it is. */
#define PLAIN_MAX 1514u
/* A header of IPv4 and of TCP without options, and a usual segment. */
#define IP_LEN 20u
#define TCP_LEN 20u
#define SEGMENT 1448u

/* --------------------------------------------------------------------- streams */

static bool pair_open(struct net_far *far, int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		guest_rig_die("socketpair", NULL);
	far->near = pair[0];
	far->fd = pair[1];
	return true;
}

static bool stream_open(struct net_far *far)
{
	const uint32_t be = htonl(far->len);
	unsigned int i;

	for (i = 0; i < NET_FAR_BATCH; i++)
		memcpy(far->bytes + i * (size_t)(LENGTH + far->len), &be,
		       LENGTH);
	return pair_open(far, SOCK_STREAM);
}

static void stream_send(const struct net_far *far, int fd, unsigned int n)
{
	const size_t len = n * (size_t)(LENGTH + far->len);

	if (send(fd, far->bytes, len, MSG_DONTWAIT) != (ssize_t)len)
		guest_rig_die("a stream has no room for a batch", NULL);
}

static void stream_receive(const struct net_far *far, int fd, unsigned int n)
{
	const size_t len = n * (size_t)(LENGTH + far->len);
	size_t done = 0;
	ssize_t rc;

	while (done < len) {
		rc = recv(fd, far->room, len - done, MSG_DONTWAIT);
		if (rc <= 0)
			guest_rig_die("a stream lacks frames", NULL);
		done += (size_t)rc;
	}
}

static void stream_give(const struct net_far *far, unsigned int n)
{
	stream_send(far, far->fd, n);
}

static void stream_take(const struct net_far *far, unsigned int n)
{
	stream_receive(far, far->fd, n);
}

static void stream_send_bare(const struct net_far *far, unsigned int n)
{
	stream_send(far, far->near, n);
}

static void stream_receive_bare(const struct net_far *far, unsigned int n)
{
	stream_receive(far, far->near, n);
}

/* --------------------------------------------------------------------- packets */

static bool packets_open(struct net_far *far)
{
	return pair_open(far, SOCK_SEQPACKET);
}

/* The calls write the lengths of messages. */
static struct mmsghdr *messages_of(const struct mmsghdr *msgs)
{
	return (struct mmsghdr *)(uintptr_t)msgs;
}

static void packets_send(const struct net_far *far, int fd, unsigned int n)
{
	if (sendmmsg(fd, messages_of(far->outgoing), n, MSG_DONTWAIT) != (int)n)
		guest_rig_die("a socket has no room for a batch", NULL);
}

static void packets_receive(const struct net_far *far, int fd, unsigned int n)
{
	if (recvmmsg(fd, messages_of(far->incoming), n, MSG_DONTWAIT, NULL) != (int)n)
		guest_rig_die("a socket lacks frames", NULL);
}

static void packets_give(const struct net_far *far, unsigned int n)
{
	packets_send(far, far->fd, n);
}

static void packets_take(const struct net_far *far, unsigned int n)
{
	packets_receive(far, far->fd, n);
}

static void packets_send_bare(const struct net_far *far, unsigned int n)
{
	packets_send(far, far->near, n);
}

static void packets_receive_bare(const struct net_far *far, unsigned int n)
{
	packets_receive(far, far->near, n);
}

/* ------------------------------------------------------------------------- tap */

static bool cannot(const char *what)
{
	fprintf(stderr, "bench: tap left out: no %s\n", what);
	return false;
}

/* The network has no other station, and no protocol sends frames by itself. */
static bool network_make(void)
{
	static bool made;
	int fd;

	if (made)
		return true;
	if (unshare(CLONE_NEWNET) < 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return cannot("network of its own");
	fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6",
		  O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, "1", 1);
	vsu_fd_close(&fd);
	return made = true;
}

static bool interface_make(struct net_far *far, struct ifreq *request)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	strcpy(request->ifr_name, "bench");
	request->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	far->near = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	good = far->near >= 0 && ioctl(far->near, TUNSETIFF, request) == 0;
	request->ifr_flags = IFF_UP | IFF_NOARP;
	good = good && ioctl(sock, SIOCSIFFLAGS, request) == 0;
	good = good && ioctl(sock, SIOCGIFINDEX, request) == 0;
	vsu_fd_close(&sock);
	return good || cannot("interface");
}

/* Frames of the guest leave by the interface; it receives none itself. */
static bool tap_open(struct net_far *far)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct ifreq request = { .ifr_flags = 0 };
	int on = 1;

	if (!network_make() || !interface_make(far, &request))
		return false;
	to.sll_ifindex = request.ifr_ifindex;
	far->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (far->fd < 0 || bind(far->fd, (struct sockaddr *)&to, sizeof(to)) ||
	    setsockopt(far->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		return cannot("socket of packets");
	return true;
}

/* A socket's headers have ten bytes, without the number of buffers. */
static void tap_give(const struct net_far *far, unsigned int n)
{
	struct iovec iov[] = {
		{ far->frame, HEADER - sizeof(struct vsu_le16) },
		{ far->frame + HEADER, far->len },
	};

	while (n--)
		if (writev(far->fd, iov, 2) < 0)
			guest_rig_die("the interface took no frame", NULL);
}

static void tap_take(const struct net_far *far, unsigned int n)
{
	(void)far;
	(void)n;
}

static void tap_send_bare(const struct net_far *far, unsigned int n)
{
	while (n--)
		if (write(far->near, far->frame, HEADER + far->len) < 0)
			guest_rig_die("the interface took no frame", NULL);
}

/* The interface divides a long frame into segments, which come one by one. */
static void tap_receive_bare(const struct net_far *far, unsigned int n)
{
	const size_t headers = ETHERNET + IP_LEN + TCP_LEN;
	size_t rest;
	ssize_t len;

	while (n--)
		for (rest = far->len; rest > headers; rest -= (size_t)len - headers) {
			len = read(far->near, far->room, HEADER + far->len);
			if (len <= (ssize_t)(HEADER + headers))
				guest_rig_die("the interface lost a frame", NULL);
			len -= HEADER;
		}
}

const struct net_far_kind net_far_kinds[NET_FAR_KINDS] = {
	{ "stream", stream_open, stream_give, stream_take, stream_send_bare,
	  stream_receive_bare },
	{ "packets", packets_open, packets_give, packets_take,
	  packets_send_bare, packets_receive_bare },
	{ "tap", tap_open, tap_give, tap_take, tap_send_bare,
	  tap_receive_bare },
};

/* ---------------------------------------------------------------------- frames */

static void put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

/* To a station that does not exist: IPv4 and TCP headers, as far as they are read. */
static void frame_make(struct net_far *far)
{
	struct virtdev_net_header header = { .gso_type = VIRTDEV_NET_GSO_NONE };
	unsigned char *ethernet = far->frame + HEADER;
	unsigned char *ip = ethernet + ETHERNET;

	ethernet[0] = ethernet[6] = 2;
	ethernet[11] = 1;
	put16(ethernet + 12, ETH_P_IP);
	ip[0] = 0x45;
	put16(ip + 2, far->len - ETHERNET);
	ip[8] = 64;
	ip[9] = 6;
	ip[IP_LEN + 12] = TCP_LEN / 4 << 4;
	if (far->len > PLAIN_MAX && !strcmp(far->kind->name, "tap")) {
		header.flags = VIRTDEV_NET_HDR_NEEDS_CSUM;
		header.gso_type = VIRTDEV_NET_GSO_TCPV4;
		header.gso_size = vsu_le16_make(SEGMENT);
		header.hdr_len = vsu_le16_make(ETHERNET + IP_LEN + TCP_LEN);
		header.csum_start = vsu_le16_make(ETHERNET + IP_LEN);
		header.csum_offset = vsu_le16_make(16);
	}
	memcpy(far->frame, &header, sizeof(header));
}

static void message_make(struct mmsghdr *msg, struct iovec *piece, unsigned char *at,
			 uint32_t len)
{
	piece->iov_base = at;
	piece->iov_len = len;
	msg->msg_hdr.msg_iov = piece;
	msg->msg_hdr.msg_iovlen = 1;
}

static void packets_make(struct net_far *far)
{
	unsigned int i;

	for (i = 0; i < NET_FAR_BATCH; i++) {
		const size_t off = i * (size_t)(HEADER + far->len);

		message_make(&far->outgoing[i], &far->pieces[i],
			     far->bytes + off, far->len);
		message_make(&far->incoming[i], &far->pieces[NET_FAR_BATCH + i],
			     far->room + off, far->len);
	}
}

bool net_far_open(struct net_far *far, const struct net_far_kind *kind,
		  uint32_t len)
{
	memset(far, 0, sizeof(*far));
	far->kind = kind;
	far->near = far->fd = -1;
	far->len = len;
	far->frame = calloc(1, HEADER + len);
	far->bytes = calloc(NET_FAR_BATCH, HEADER + len);
	far->room = calloc(NET_FAR_BATCH, HEADER + len);
	if (!far->frame || !far->bytes || !far->room)
		guest_rig_die("no memory", NULL);
	frame_make(far);
	packets_make(far);
	if (kind->open(far))
		return true;
	net_far_close(far);
	return false;
}

void net_far_close(struct net_far *far)
{
	vsu_fd_close(&far->near);
	vsu_fd_close(&far->fd);
	free(far->frame);
	free(far->bytes);
	free(far->room);
}
