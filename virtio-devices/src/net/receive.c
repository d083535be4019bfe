/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reception (VIRTIO 1.3, 5.1.6.4). Pops buffers until they can hold the longest frame
 * seen so far; the link writes into them directly. The excess of a longer frame is
 * written to a private buffer, and the whole frame is kept there until enough buffers
 * are available. Unused buffers are unpopped at the end of a turn, in reverse order.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "link/pieces.h"
#include "net/priv.h"

/* Why a turn ended. */
enum pause {
	PAUSE_NO_FRAME,
	PAUSE_NO_BUFFER,
	PAUSE_LONG,		/* the turn's budget is used up */
	PAUSE_LOST,		/* the link is disconnected */
	PAUSE_LIMIT,		/* the rate limit */
};

#define GO_ON (-1)

struct turn {
	uint32_t frames;	/* remaining frames */
	uint32_t bad;		/* remaining invalid buffers */
	uint64_t bytes;		/* received */
	int code;		/* result of vq_pop() without a buffer */
};

static bool is_merging(const struct net_queue *q)
{
	return q->net->features & VIRTDEV_NET_F_MRG_RXBUF;
}

static struct iovec *pieces_of(struct net_stock *s)
{
	return &s->pieces[s->used];
}

static int stock_pieces(const struct net_stock *s)
{
	return (int)(s->npieces - s->used);
}

/* ------------------------------------------------------------------- the stock */

static void stock_clear(struct net_stock *s)
{
	s->first = s->n = s->npieces = s->used = 0;
	s->bytes = 0;
}

/* Unpops all unused buffers, in reverse order. */
static void stock_return(struct net_queue *q)
{
	struct net_stock *s = q->stock;

	while (s->n > 0)
		vq_unpop(q->q, &s->chains[s->first + --s->n]);
	stock_clear(s);
}

/* A buffer that cannot hold the virtio header is returned empty. */
static bool is_bad(const struct vq_chain *chain)
{
	return chain->fault.why || chain->writable_len < NET_HEADER ||
	       chain->nreadable;
}

/*
 * Adds a buffer: 1, or as vq_pop(). -ENOSPC: the stock is full. -EBUSY: too many
 * invalid buffers in this turn.
 */
static int stock_add(struct net_queue *q, struct turn *turn)
{
	struct net_stock *s = q->stock;
	struct vq_chain *chain = &s->chains[s->first + s->n];
	int rc;

	if (s->first + s->n == NET_STOCK || s->npieces == NET_PIECES)
		return -ENOSPC;
	while ((rc = virtdev_priv_net_pop(q, chain, s->pieces, s->npieces)) == 1 &&
	       is_bad(chain)) {
		vq_push(q->q, chain, 0);
		if (!turn->bad || !--turn->bad)
			return -EBUSY;
	}
	if (rc != 1)
		return rc;
	s->n++;
	s->npieces += chain->nwritable;
	s->bytes += chain->writable_len;
	return 1;
}

/*
 * Pops buffers for these bytes, or one buffer without MRG_RXBUF. 1: available; 0: the
 * ring has too few; or as stock_add().
 */
static int stock_fill(struct net_queue *q, uint64_t bytes, struct turn *turn)
{
	struct net_stock *s = q->stock;
	int rc = 1;

	/* used buffers leave a gap at the front */
	if (!s->n)
		stock_clear(s);
	if (!is_merging(q))
		return s->n ? 1 : stock_add(q, turn);
	if (s->first > NET_STOCK / 2 || s->used > NET_PIECES / 2)
		stock_return(q);
	while (rc == 1 && s->bytes < bytes)
		rc = stock_add(q, turn);
	return rc;
}

static void buffer_push(struct net_queue *q, uint32_t len)
{
	struct net_stock *s = q->stock;
	struct vq_chain *chain = &s->chains[s->first++];

	s->n--;
	s->used += chain->nwritable;
	s->bytes -= chain->writable_len;
	vq_chain_written(q->q, chain, 0, len);
	vq_push(q->q, chain, len);
}

/* The number of buffers that len bytes occupy. */
static uint32_t buffers_of(const struct net_stock *s, uint32_t len)
{
	uint32_t n = 0;
	uint64_t room = 0;

	while (room < len)
		room += s->chains[s->first + n++].writable_len;
	return n;
}

/* Pushes the frame in the first len bytes of the stock. */
static void frame_deliver(struct net_queue *q, uint32_t len)
{
	struct net_stock *s = q->stock;
	const struct vsu_le16 n = vsu_le16_make((uint16_t)buffers_of(s, len));
	const uint32_t off = offsetof(struct virtdev_net_header, num_buffers);

	(void)virtdev_priv_pieces_store(pieces_of(s),
					stock_pieces(s), off, &n,
					sizeof(n));
	virtdev_priv_net_count(q, NET_RECEIVED, 1);
	virtdev_priv_net_count(q, NET_BYTES_RECEIVED, len - NET_HEADER);
	while (len) {
		const uint32_t room = s->chains[s->first].writable_len;
		const uint32_t part = len < room ? len : room;

		buffer_push(q, part);
		len -= part;
	}
}

/* ---------------------------------------------------------------------- frames */

static bool is_wanted(struct net_queue *q, uint32_t len)
{
	struct net_stock *s = q->stock;
	uint8_t head[NET_FILTER_BYTES] = { 0 };
	uint32_t n = len - NET_HEADER;

	if (virtdev_priv_net_filter_is_open(&s->filter))
		return true;
	virtdev_priv_pieces_load(pieces_of(s), stock_pieces(s) + 1,
				 NET_HEADER, head,
				 n < sizeof(head) ? n : sizeof(head));
	return virtdev_priv_net_filter_takes(&s->filter, head);
}

/*
 * The frame is already in the driver's buffers: a block protects the guest's services, and
 * keeps no secret.
 */
static bool is_blocked(struct net_queue *q, uint32_t len)
{
	const uint32_t n = len - NET_HEADER;
	struct net_stock *s = q->stock;
	uint8_t head[NET_BLOCK_BYTES];
	const struct net_head h = {
		.bytes = head, .len = n < sizeof(head) ? n : sizeof(head), .checksum = NET_NO_CHECKSUM,
	};

	if (q->net->block == VIRTDEV_NET_BLOCK_NONE)
		return false;
	virtdev_priv_pieces_load(pieces_of(s), stock_pieces(s) + 1, NET_HEADER, head, h.len);
	return virtdev_priv_net_is_blocked_in(&h);
}

/* Moves a frame that exceeds the stock to the private buffer. */
static void frame_keep(struct net_queue *q, uint32_t len)
{
	struct net_stock *s = q->stock;
	const uint32_t in_stock = (uint32_t)s->bytes;

	memmove(s->frame + in_stock, s->frame, len - in_stock);
	virtdev_priv_pieces_load(pieces_of(s), stock_pieces(s), 0,
				 s->frame, in_stock);
	s->kept = len;
	s->wanted = len;
}

/* Receives a frame into the stock: its length, or an error of the link. */
static ssize_t frame_receive(struct net_queue *q)
{
	struct virtdev_net_link *link = q->net->link;
	struct net_stock *s = q->stock;
	struct iovec *rest = &s->pieces[s->npieces];

	rest->iov_base = s->frame;
	rest->iov_len = sizeof(s->frame);
	return link->ops.receive(link->self, virtdev_priv_net_lane(q),
				 pieces_of(s), stock_pieces(s) + 1);
}

/*
 * Delivers or keeps a received frame. Without MRG_RXBUF a frame that is longer than its
 * buffer is dropped (5.1.6.3.1 requires the driver to provide larger ones).
 */
static void frame_accept(struct net_queue *q, uint32_t len)
{
	struct net_stock *s = q->stock;

	if (len <= NET_HEADER || !is_wanted(q, len))
		return;
	if (is_blocked(q, len))
		virtdev_priv_net_count(q, NET_DROPPED, 1);
	else if (len <= s->bytes)
		frame_deliver(q, len);
	else if (is_merging(q) && len <= sizeof(s->frame))
		frame_keep(q, len);
	else
		virtdev_priv_net_count(q, NET_DROPPED, 1);
}

/*
 * Delivers the kept frame if the stock can hold it; drops it if the stock is at its
 * maximum and still too small, which is one buffer if the features changed meanwhile.
 * Returns as receive_one().
 */
static int frame_finish(struct net_queue *q, struct turn *turn)
{
	struct net_stock *s = q->stock;
	int rc;

	stock_return(q);
	rc = stock_fill(q, s->kept, turn);
	if (rc == 1 && s->bytes < s->kept)
		rc = -ENOSPC;
	if (rc == 1) {
		(void)virtdev_priv_pieces_store(pieces_of(s), stock_pieces(s), 0,
						s->frame, s->kept);
		frame_deliver(q, s->kept);
	}
	/* All entries of the ring are in the stock, so no further buffer can follow. */
	if (rc == 1 || rc == -ENOSPC || s->n == vq_size(q->q)) {
		virtdev_priv_net_count(q, NET_DROPPED, rc != 1);
		s->kept = 0;
		return GO_ON;
	}
	turn->code = rc;
	return rc == -EBUSY ? PAUSE_LONG : PAUSE_NO_BUFFER;
}

/* ----------------------------------------------------------------------- turns */

/* Translates an error of the link. */
static int pause_of(ssize_t code)
{
	switch (code) {
	case -EPIPE:
		return PAUSE_LOST;
	case -ENOMSG:
	case -EMSGSIZE:
		return GO_ON;
	}
	return PAUSE_NO_FRAME;
}

static int receive_one(struct net_queue *q, struct turn *turn)
{
	struct net_stock *s = q->stock;
	ssize_t len;
	int rc;

	if (s->kept)
		return frame_finish(q, turn);
	rc = stock_fill(q, s->wanted, turn);
	if (rc == -EBUSY)
		return PAUSE_LONG;
	if (!s->n || (rc < 0 && rc != -ENOSPC)) {
		turn->code = rc;
		return PAUSE_NO_BUFFER;
	}
	if (virtdev_priv_net_must_wait(q))
		return PAUSE_LIMIT;
	len = frame_receive(q);
	if (len < 0)
		return pause_of(len);
	virtdev_priv_net_limit_take(q, (uint64_t)len);
	turn->bytes += (uint64_t)len;
	frame_accept(q, (uint32_t)len);
	return GO_ON;
}

static enum pause receive_all(struct net_queue *q, struct turn *turn)
{
	int why = GO_ON;

	virtdev_priv_net_filters_follow(&q->net->filters, &q->stock->filter,
					&q->stock->seen);
	for (; why == GO_ON && turn->frames && turn->bytes < NET_TURN_BYTES;
	     turn->frames--)
		why = receive_one(q, turn);
	virtdev_priv_net_publish(q);
	return why == GO_ON ? PAUSE_LONG : (enum pause)why;
}

static bool is_in_use(struct net_queue *q)
{
	return virtdev_priv_net_lane(q) < virtdev_priv_net_active(q->net) &&
	       (!virtdev_priv_net_is_down(q->net) || virtdev_priv_net_retry(q));
}

/*
 * Enables notifications before the stock is unpopped, so that only new buffers cause a
 * kick. True: buffers were added meanwhile, serve again.
 */
static bool wants_look(struct net_queue *q, enum pause why,
		       const struct turn *turn)
{
	return why == PAUSE_NO_BUFFER && !turn->code && vq_enable_notify(q->q);
}

static int receive_turn(struct net_queue *q)
{
	struct turn turn = { .frames = NET_TURN_FRAMES,
			     .bad = NET_TURN_FRAMES };
	enum pause why;

	do {
		vq_disable_notify(q->q);
		why = receive_all(q, &turn);
	} while (wants_look(q, why, &turn));
	if (why == PAUSE_LONG)
		return 1;
	if (why == PAUSE_LOST)
		virtdev_priv_net_lost(q->net);
	/* a frame that arrived meanwhile makes the descriptor readable */
	virtdev_priv_net_watch(q, why == PAUSE_NO_FRAME ? EPOLLIN : 0);
	if (why == PAUSE_LIMIT)
		return virtdev_queue_wait(q->net->dev, q->index, q->wait);
	return turn.code == -EAGAIN ?
	       virtdev_queue_missed(q->net->dev, q->index) : 0;
}

int virtdev_priv_net_receive(struct net_queue *q)
{
	int rc;

	if (!is_in_use(q)) {
		virtdev_priv_net_watch(q, 0);
		return 0;
	}
	virtdev_priv_net_limit_begin(q);
	rc = receive_turn(q);
	stock_return(q);
	return rc;
}
