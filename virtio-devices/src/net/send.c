/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Transmission (VIRTIO 1.3, 5.1.6.2). The header is read once and checked, and the link
 * receives the copy; the frame itself is passed to the link in the driver's buffers.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "link/pieces.h"
#include "net/priv.h"

/* Bytes of an Ethernet header, and of the largest frame with segmentation. */
#define FRAME_MIN 14u
#define FRAME_MAX (VIRTDEV_NET_FRAME_MAX - NET_HEADER)
/* Bytes of a checksum. */
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

/* Clears fields that are not valid without their flags. */
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

/* Checks the header of a frame of len bytes, and clears what has no meaning. */
static bool header_take(struct virtdev_net_header *h, uint32_t len, uint64_t features)
{
	/* Most frames have no offload, and then no other field has a meaning. */
	if (!(h->flags & VIRTDEV_NET_HDR_NEEDS_CSUM) && h->gso_type == VIRTDEV_NET_GSO_NONE) {
		memset(h, 0, sizeof(*h));
		return true;
	}
	if (!is_sum_good(h, len, features) || !are_segments_good(h, len, features))
		return false;
	header_tidy(h);
	return true;
}

/* ------------------------------------------------------------------- the frame */

/* Prevents that the compiler reads the driver's memory again instead of the copy. */
static void header_copy(struct virtdev_net_header *h, const void *from)
{
	memcpy(h, from, sizeof(*h));
	__asm__("" : "+m"(*h));
}

/* Reads the header; returns the number of pieces of the frame, of len bytes behind it. */
static int frame_split(const struct net_queue *q, const struct vq_chain *chain,
		       struct virtdev_net_header *h, struct iovec *pieces, uint32_t len)
{
	struct vq_cursor reader;
	uint32_t covered;
	int n;

	if (chain->nreadable == 1) {
		header_copy(h, chain->iov->iov_base);
		pieces->iov_base = (unsigned char *)chain->iov->iov_base + sizeof(*h);
		pieces->iov_len = len;
		return 1;
	}
	vq_reader_init(&reader, q->q, chain);
	if (!vq_cursor_read_obj(&reader, h))
		return 0;
	n = vq_cursor_iov(&reader, len, pieces, (int)NET_PIECES, &covered);
	return n < 0 || covered != len ? 0 : n;
}

/* The offset at which the link writes the checksum of a frame. */
static uint32_t checksum_of(const struct virtdev_net_header *h)
{
	return h->flags & VIRTDEV_NET_HDR_NEEDS_CSUM ?
	       (uint32_t)vsu_le16_load(h->csum_start) + vsu_le16_load(h->csum_offset) : NET_NO_CHECKSUM;
}

/* Discards the first len bytes; returns the number of remaining pieces. */
static int pieces_skip(struct iovec *pieces, int n, uint32_t len)
{
	int first = 0;

	for (; first < n && len >= pieces[first].iov_len; first++)
		len -= (uint32_t)pieces[first].iov_len;
	memmove(pieces, pieces + first, (size_t)(n - first) * sizeof(*pieces));
	if (n > first) {
		pieces->iov_base = (unsigned char *)pieces->iov_base + len;
		pieces->iov_len -= len;
	}
	return n - first;
}

/*
 * Copies the bytes that the check reads into the frame for the link, because the driver can
 * change its own meanwhile. pieces[0] is free for the copy; the n pieces of the frame
 * follow. 0: the frame is blocked.
 */
static int frame_check(const struct net_queue *q, const struct virtdev_net_header *h,
		       uint8_t head[NET_BLOCK_BYTES], struct iovec *pieces, int n, uint32_t len)
{
	const struct net_head view = {
		.bytes = head, .len = len < NET_BLOCK_BYTES ? len : NET_BLOCK_BYTES, .checksum = checksum_of(h),
	};

	virtdev_priv_pieces_load(pieces + 1, n, 0, head, view.len);
	__asm__("" : "+m"(*(uint8_t (*)[NET_BLOCK_BYTES])head));
	if (virtdev_priv_net_is_blocked_out(&view, q->net->block))
		return 0;
	pieces[0] = (struct iovec){ head, view.len };
	return 1 + pieces_skip(pieces + 1, n, view.len);
}

/*
 * Returns the number of pieces for the link, with the header's copy. 0: invalid frame, or one
 * that this card blocks.
 */
static int frame_make(const struct net_queue *q, const struct vq_chain *chain,
		      struct virtdev_net_header *h, uint8_t head[NET_BLOCK_BYTES], struct iovec *pieces)
{
	const uint32_t len = chain->readable_len - NET_HEADER;
	const int copied = q->net->block != VIRTDEV_NET_BLOCK_NONE;
	int n;

	if (chain->fault.why || chain->readable_len < NET_HEADER + FRAME_MIN || len > FRAME_MAX)
		return 0;
	n = frame_split(q, chain, h, pieces + 1 + copied, len);
	if (!n || !header_take(h, len, q->net->features))
		return 0;
	if (copied)
		n = frame_check(q, h, head, pieces + 1, n, len);
	pieces[0].iov_base = h;
	pieces[0].iov_len = sizeof(*h);
	return n ? n + 1 : 0;
}

/* ------------------------------------------------------------------- a batch */

static void batch_clear(struct net_batch *b)
{
	b->n = b->used = b->made = 0;
	b->bad = false;
}

static int batch_add(struct net_queue *q)
{
	struct net_batch *b = q->batch;
	struct vq_chain *chain = &b->chains[b->n];
	struct virtdev_net_frame *frame = &b->frames[b->n];
	int rc = virtdev_priv_net_pop(q, chain, b->pieces, b->used);

	if (rc != 1)
		return rc;
	frame->iov = b->frame_pieces + b->made;
	frame->n = frame_make(q, chain, &b->headers[b->n], b->heads[b->n],
			      b->frame_pieces + b->made);
	frame->code = -EBADMSG;
	virtdev_priv_net_limit_take(q, chain->readable_len);
	b->n++;
	b->bad = !frame->n;
	b->used += chain->nreadable + chain->nwritable;
	b->made += (uint32_t)frame->n;
	return 1;
}

/*
 * Pops up to max chains. Stops after an invalid frame, so that the frames before it can
 * be pushed first. Returns the last result of vq_pop(); -ETIME: the rate limit.
 */
static int batch_fill(struct net_queue *q, uint32_t max)
{
	struct net_batch *b = q->batch;
	int rc = 1;

	batch_clear(b);
	while (rc == 1 && !b->bad && b->n < max)
		rc = virtdev_priv_net_must_wait(q) ? -ETIME : batch_add(q);
	return rc == -ENOSPC ? 1 : rc;
}

/* Returns how many of the first n frames the link sent or rejected. */
static uint32_t frames_send(struct net_queue *q, uint32_t n)
{
	struct virtdev_net_link *link = q->net->link;
	const uint32_t lane = virtdev_priv_net_lane(q);
	struct virtdev_net_frame *f = q->batch->frames;
	uint32_t i;
	int rc;

	if (n && link->ops.send_batch)
		return link->ops.send_batch(link->self, lane, f, n);
	for (i = 0; i < n; i++) {
		rc = link->ops.send(link->self, lane, f[i].iov, f[i].n);
		if (rc == -EAGAIN)
			break;
		f[i].code = rc;
	}
	return i;
}

/* Counts the first n frames, which were sent or dropped; returns their bytes with headers. */
static uint64_t frames_count(struct net_queue *q, uint32_t n)
{
	const struct net_batch *b = q->batch;
	uint64_t all = 0, sent = 0;
	uint32_t i, dropped = 0;

	for (i = 0; i < n; i++) {
		all += b->chains[i].readable_len;
		if (b->frames[i].code < 0)
			dropped++;
		else
			sent += b->chains[i].readable_len - NET_HEADER;
	}
	virtdev_priv_net_count(q, NET_DROPPED, dropped);
	virtdev_priv_net_count(q, NET_SENT, n - dropped);
	virtdev_priv_net_count(q, NET_BYTES_SENT, sent);
	return all;
}

/* False: the link is full, part of the batch remains. */
static bool batch_send(struct net_queue *q, uint64_t *bytes)
{
	struct net_batch *b = q->batch;
	const uint32_t good = b->n - b->bad;
	uint32_t done = frames_send(q, good);
	const bool all = done == good;

	done += all && b->bad;
	*bytes += frames_count(q, done);
	/* unpop in reverse order */
	while (b->n > done) {
		virtdev_priv_net_limit_return(q, b->chains[--b->n].readable_len);
		vq_unpop(q->q, &b->chains[b->n]);
	}
	vq_push_batch(q->q, b->chains, b->written, done);
	return all;
}

/* ----------------------------------------------------------------------- turns */

/* As batch_fill(); -ENOBUFS: the link is full; 1: the turn's budget is used up. */
static int send_all(struct net_queue *q)
{
	uint32_t frames = NET_TURN_FRAMES;
	uint64_t bytes = 0;
	int rc = 1;

	while (rc == 1 && frames && bytes < NET_TURN_BYTES) {
		rc = batch_fill(q, frames < NET_BATCH ? frames : NET_BATCH);
		frames -= q->batch->n;
		if (q->batch->n && !batch_send(q, &bytes))
			return -ENOBUFS;
	}
	return rc;
}

static int link_flush(struct net_queue *q)
{
	struct virtdev_net_link *link = q->net->link;

	return link->ops.flush ?
	       link->ops.flush(link->self, virtdev_priv_net_lane(q)) : 0;
}

int virtdev_priv_net_send(struct net_queue *q)
{
	bool announced;
	int rc;

	virtdev_priv_net_follow(q);
	announced = virtdev_priv_net_announce(q);
	virtdev_priv_net_limit_begin(q);
	do {
		vq_disable_notify(q->q);
		rc = send_all(q);
		if (link_flush(q) == -EAGAIN)
			rc = rc < 0 && rc != -ETIME ? rc : -ENOBUFS;
		virtdev_priv_net_publish(q);
		virtdev_priv_net_watch(q, rc == -ENOBUFS || !announced ? EPOLLOUT : 0);
	} while (rc == 0 && vq_enable_notify(q->q));
	if (rc == -EAGAIN)
		return virtdev_queue_missed(q->net->dev, q->index);
	if (rc == -ETIME)
		return virtdev_queue_wait(q->net->dev, q->index, q->wait);
	return rc > 0;
}
