/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * From the driver to the link (VIRTIO 1.3, 5.1.6.2). The header is read once,
 * judged, and the link gets our copy of it; the frame itself goes to the link
 * as the driver's pieces.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "net/net_priv.h"

/* An Ethernet header, and the longest frame with its segments. */
#define FRAME_MIN 14u
#define FRAME_MAX (VIRTDEV_NET_FRAME_MAX - NET_HEADER)
/* Of a sum. */
#define SUM_LEN 2u

struct gso {
	uint8_t type;
	uint64_t feature;
};

static const struct gso gsos[] = {
	{ VIRTDEV_NET_GSO_TCPV4, VIRTDEV_NET_F_HOST_TSO4 },
	{ VIRTDEV_NET_GSO_TCPV6, VIRTDEV_NET_F_HOST_TSO6 },
	{ VIRTDEV_NET_GSO_UDP, VIRTDEV_NET_F_HOST_UFO },
	{ VIRTDEV_NET_GSO_UDP_L4, VIRTDEV_NET_F_HOST_USO },
};

/* ------------------------------------------------------------------ the header */

static bool is_sum_good(const struct virtdev_net_header *h, uint32_t len,
			uint64_t features)
{
	const uint32_t start = vsu_le16_load(h->csum_start);
	const uint32_t offset = vsu_le16_load(h->csum_offset);

	if (!(h->flags & VIRTDEV_NET_HDR_NEEDS_CSUM))
		return true;
	return (features & VIRTDEV_NET_F_CSUM) &&
	       start + offset + SUM_LEN <= len;
}

static bool is_type_good(uint8_t gso_type, uint64_t features)
{
	const uint8_t type = gso_type & (uint8_t)~VIRTDEV_NET_GSO_ECN;
	size_t i;

	if ((gso_type & VIRTDEV_NET_GSO_ECN) &&
	    (!(features & VIRTDEV_NET_F_HOST_ECN) ||
	     (type != VIRTDEV_NET_GSO_TCPV4 && type != VIRTDEV_NET_GSO_TCPV6)))
		return false;
	for (i = 0; i < sizeof(gsos) / sizeof(*gsos); i++)
		if (gsos[i].type == type)
			return features & gsos[i].feature;
	return false;
}

static bool are_segments_good(const struct virtdev_net_header *h, uint32_t len,
			      uint64_t features)
{
	if (h->gso_type == VIRTDEV_NET_GSO_NONE)
		return true;
	return is_type_good(h->gso_type, features) &&
	       vsu_le16_load(h->gso_size) &&
	       vsu_le16_load(h->hdr_len) <= len;
}

/* The link sees nothing but what means something. */
static void header_tidy(struct virtdev_net_header *h)
{
	const struct vsu_le16 zero = vsu_le16_make(0);

	h->flags &= VIRTDEV_NET_HDR_NEEDS_CSUM;
	if (!h->flags)
		h->csum_start = h->csum_offset = zero;
	if (h->gso_type == VIRTDEV_NET_GSO_NONE)
		h->hdr_len = h->gso_size = zero;
	h->num_buffers = zero;
}

/* ------------------------------------------------------------------- the frame */

/*
 * The pieces for the link, the header ours: how many. 0: it is no frame that
 * can be sent.
 */
static int frame_make(struct net_queue *q, const struct vq_chain *chain,
		      struct virtdev_net_header *h, struct iovec *pieces)
{
	const uint64_t features = q->net->features;
	struct vq_cursor reader;
	uint32_t len, covered;
	int n;

	if (chain->fault.why)
		return 0;
	vq_reader_init(&reader, q->q, chain);
	if (!vq_cursor_read_obj(&reader, h))
		return 0;
	len = vq_cursor_left(&reader);
	if (len < FRAME_MIN || len > FRAME_MAX ||
	    !is_sum_good(h, len, features) ||
	    !are_segments_good(h, len, features))
		return 0;
	header_tidy(h);
	pieces[0].iov_base = h;
	pieces[0].iov_len = sizeof(*h);
	n = vq_cursor_iov(&reader, len, pieces + 1, (int)NET_PIECES, &covered);
	return n < 0 || covered != len ? 0 : n + 1;
}

/* The link has answered: the frame went, or will never go. */
static void frame_done(struct net_queue *q, uint32_t len, int answer)
{
	if (answer < 0) {
		virtdev_priv_net_count(q, NET_DROPPED, 1);
		return;
	}
	virtdev_priv_net_count(q, NET_SENT, 1);
	virtdev_priv_net_count(q, NET_BYTES_SENT, len - NET_HEADER);
}

/* -EAGAIN: the link has no room. Whatever else it says, the frame is done. */
static int frame_send(struct net_queue *q, const struct vq_chain *chain)
{
	struct virtdev_net_link *link = q->net->link;
	struct virtdev_net_header header;
	/* the chain's own pieces, and those of the frame behind them */
	struct iovec *pieces = q->pieces + NET_PIECES;
	int n = frame_make(q, chain, &header, pieces);
	int rc = -EBADMSG;

	if (n)
		rc = link->ops.send(link->self, virtdev_priv_net_lane(q),
				    pieces, n);
	if (rc != -EAGAIN)
		frame_done(q, chain->readable_len, rc);
	return rc;
}

/* ----------------------------------------------------------------------- turns */

/* As vq_pop(); -ENOBUFS: the link has no room; 1: others have their turn. */
static int send_all(struct net_queue *q)
{
	struct vq_chain chain = { .iov = q->pieces, .iov_max = NET_PIECES };
	uint32_t frames = NET_TURN_FRAMES;
	uint64_t bytes = 0;
	int rc;

	while (frames-- && bytes < NET_TURN_BYTES) {
		rc = vq_pop(q->q, &chain);
		if (rc != 1)
			return rc;
		if (frame_send(q, &chain) == -EAGAIN) {
			vq_unpop(q->q, &chain);
			return -ENOBUFS;
		}
		bytes += chain.readable_len;
		vq_push(q->q, &chain, 0);
	}
	return 1;
}

static int link_flush(struct net_queue *q)
{
	struct virtdev_net_link *link = q->net->link;

	return link->ops.flush ?
	       link->ops.flush(link->self, virtdev_priv_net_lane(q)) : 0;
}

int virtdev_priv_net_send(struct net_queue *q)
{
	int rc;

	virtdev_priv_net_follow(q);
	do {
		vq_disable_notify(q->q);
		rc = send_all(q);
		if (link_flush(q) == -EAGAIN)
			rc = rc < 0 ? rc : -ENOBUFS;
		virtdev_priv_net_publish(q);
		virtdev_priv_net_watch(q, rc == -ENOBUFS ? EPOLLOUT : 0);
	} while (rc == 0 && vq_enable_notify(q->q));
	if (rc == -EAGAIN)
		return virtdev_queue_missed(q->net->dev, q->index);
	return rc > 0;
}
