/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The link of the device that fuzz-net drives. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "net-guest.h"

static int link_fd(void *self, uint32_t lane)
{
	CHECK(lane < LANES);
	return ((struct guest *)self)->fd;
}

static ssize_t link_receive(void *self, uint32_t lane, const struct iovec *iov,
			    int n)
{
	struct guest *g = self;
	uint32_t len, left;

	CHECK(lane < LANES && n > 0 && n <= 1024);
	if (g->receive_code)
		return g->receive_code;
	if (!g->nlengths)
		return -EAGAIN;
	len = left = g->lengths[--g->nlengths];
	for (; n > 0 && left; n--, iov++) {
		const size_t part = left < iov->iov_len ? left : iov->iov_len;

		memset(iov->iov_base, 0x11, part);
		left -= (uint32_t)part;
	}
	return left ? -EMSGSIZE : (ssize_t)len;
}

static void check_header(const struct guest *g,
			 const struct virtdev_net_header *h, uint64_t len)
{
	CHECK(!(h->flags & ~VIRTDEV_NET_HDR_NEEDS_CSUM));
	CHECK(!h->flags || (g->features & VIRTDEV_NET_F_CSUM));
	CHECK(!h->flags || (uint64_t)vsu_le16_load(h->csum_start) +
	      vsu_le16_load(h->csum_offset) + 2 <= len);
	CHECK(!h->gso_type || (vsu_le16_load(h->gso_size) &&
			       (g->features & VIRTDEV_NET_F_HOST_TSO4)));
	CHECK(vsu_le16_load(h->hdr_len) <= len);
}

/* The first bytes are in one piece; otherwise the card cannot have checked them. */
static void check_addresses(const struct iovec *iov)
{
	static const uint8_t ipv4[] = { 0x08, 0x00 };
	const uint8_t *frame = iov->iov_base;

	CHECK(iov->iov_len >= 14);
	if (!memcmp(frame + 12, ipv4, sizeof(ipv4)))
		CHECK(iov->iov_len >= 34 && frame[30] != 127 && frame[30] != 0);
}

static int link_send(void *self, uint32_t lane, const struct iovec *iov, int n)
{
	struct guest *g = self;
	struct virtdev_net_header h;
	uint64_t len = 0;
	int i;

	CHECK(lane < LANES && n > 1 && n <= 1024);
	CHECK(iov[0].iov_len == sizeof(h));
	memcpy(&h, iov[0].iov_base, sizeof(h));
	for (i = 1; i < n; i++)
		len += iov[i].iov_len;
	CHECK(len >= 14 && len + sizeof(h) <= VIRTDEV_NET_FRAME_MAX);
	check_header(g, &h, len);
	if (g->blocks)
		check_addresses(&iov[1]);
	reached[SENT] += !g->send_code;
	return g->send_code;
}

/* If the input makes frames fail, only every second one of a batch fails. */
static uint32_t link_send_batch(void *self, uint32_t lane,
				struct virtdev_net_frame *frames, uint32_t n)
{
	const struct guest *g = self;
	uint32_t i;

	CHECK(n && frames);
	for (i = 0; i < n; i++) {
		if (i > g->batch_most)
			return i;
		frames[i].code = link_send(self, lane, frames[i].iov, frames[i].n);
		if (frames[i].code == -EAGAIN)
			return i;
		if (i % 2)
			frames[i].code = 0;
	}
	return n;
}

static int link_set_lane(void *self, uint32_t lane, bool on)
{
	(void)self;
	(void)on;
	CHECK(lane < LANES);
	return 0;
}

static int link_set_offloads(void *self, uint64_t features)
{
	const struct guest *g = self;

	CHECK(!(features & ~g->features));
	return 0;
}

#define OFFLOADS (VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_HOST_TSO4 | \
		  VIRTDEV_NET_F_GUEST_CSUM | VIRTDEV_NET_F_GUEST_TSO4)

struct virtdev_net_link *fuzz_net_link(struct guest *g, bool batches)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "fuzz", .fd = link_fd,
		.receive = link_receive, .send = link_send,
		.set_lane = link_set_lane, .set_offloads = link_set_offloads,
		.send_batch = batches ? link_send_batch : NULL,
	};
	const struct virtdev_net_link_info info = { .lanes = LANES,
						    .offloads = OFFLOADS };
	struct virtdev_net_link *link;

	g->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(g->fd >= 0);
	CHECK(virtdev_net_link_new(&ops, &info, g, &link) == 0);
	return link;
}
