/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The network device from within.
 *
 *   net     the device: its link, its configuration, its queues
 *   queue   one virtqueue and what wakes it from the host's side
 *   stock   buffers of a receiving queue that were taken and hold no frame yet
 *   kept    a frame that was longer than the stock: it waits for more buffers
 *   batch   frames of the driver's that go to the link together
 *   away    the queues of frames, where somebody else serves them over the link;
 *           this device has the control queue then, and what the driver is shown
 */
#ifndef VIRTIO_DEVICES_NET_PRIV_H
#define VIRTIO_DEVICES_NET_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/net.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>

#include "link/priv.h"
#include "net/filter.h"

/* Buffers and pieces of a stock; the last piece of a transfer is kept's. */
#define NET_STOCK 256u
#define NET_PIECES 1023u

#define NET_BATCH 32u

/* One turn, before others have theirs. */
#define NET_TURN_FRAMES 256u
#define NET_TURN_BYTES (UINT64_C(4) << 20)

/* With its header and a tag. */
#define NET_USUAL_FRAME (1518u + 12u)

/* Work of the link that the driver may take over. */
#define NET_GUEST_OFFLOADS \
	(VIRTDEV_NET_F_GUEST_CSUM | VIRTDEV_NET_F_GUEST_TSO4 | \
	 VIRTDEV_NET_F_GUEST_TSO6 | VIRTDEV_NET_F_GUEST_ECN | \
	 VIRTDEV_NET_F_GUEST_UFO | VIRTDEV_NET_F_GUEST_USO4 | \
	 VIRTDEV_NET_F_GUEST_USO6)

enum net_role {
	NET_RECEIVES,
	NET_SENDS,
	NET_CONTROLS,
	NET_IDLE,		/* a queue that does not exist as negotiated */
};

struct net_stock {
	uint32_t first, n;	/* chains [first, first + n) */
	uint32_t npieces, used;	/* pieces [used, npieces) are theirs */
	uint64_t bytes;		/* that they have room for */
	uint64_t wanted;	/* the longest frame so far */
	uint32_t kept;		/* bytes of the frame that waits; 0: none does */
	uint32_t seen;		/* generation of the filter */
	struct net_filter filter;
	struct vq_chain chains[NET_STOCK];
	struct iovec pieces[NET_PIECES + 1];
	unsigned char frame[VIRTDEV_NET_FRAME_MAX];
};

struct net_batch {
	uint32_t n;		/* chains; each but a bad one is a frame */
	bool bad;		/* the last one is no frame */
	uint32_t used, made;	/* of pieces, of frame_pieces */
	struct vq_chain chains[NET_BATCH];
	uint32_t written[NET_BATCH];	/* nothing, ever */
	struct virtdev_net_header headers[NET_BATCH];
	struct virtdev_net_frame frames[NET_BATCH];
	struct iovec pieces[NET_PIECES];
	struct iovec frame_pieces[NET_PIECES + NET_BATCH];
};

/* Numbers of a queue, of all its life; written on its thread alone. */
enum net_count { NET_RECEIVED, NET_SENT, NET_BYTES_RECEIVED, NET_BYTES_SENT, NET_DROPPED,
		 NET_COUNTS };

struct net_queue {
	struct net *net;
	struct vq *q;			/* NULL: stopped */
	uint32_t index;
	enum net_role role;		/* since it was started */
	int epfd;			/* the host's descriptor */
	uint32_t watching;		/* atomic; events of the lane, or 0 */
	int back;			/* eventfd of one that sends over a link that
					   comes back: it did; else -1 */
	uint32_t returns;		/* of the link, as the queue knows */
	bool told_broken;
	struct net_stock *stock;	/* of one that receives */
	struct net_batch *batch;	/* of one that sends */
	uint64_t counts[NET_COUNTS];	/* atomic */
};

struct net_away {
	const char *who;		/* serves them, for sentences; constant */
	uint64_t features;		/* of rings and frames, as he has them */
	/* So many pairs are in use from now on; a failure changes nothing. */
	int (*use)(void *opaque, uint32_t pairs);
	void *opaque;
};

struct net {
	struct virtdev *dev;
	struct virtdev_net_link *link;
	struct net_away away;		/* use is NULL: nothing is */
	uint32_t pairs;			/* as many as the link has lanes */
	uint32_t active;		/* atomic; pairs that the driver uses */
	uint64_t features;		/* acknowledged */
	uint64_t offered;		/* offloads of the link, as far as wanted */
	uint64_t offloads;		/* GUEST_ bits in effect */
	uint16_t mtu;
	uint8_t own_mac[NET_MAC];	/* as at the beginning */
	bool down;			/* atomic; the link is at its end */
	bool told_down;			/* atomic; whoever runs this knows */
	uint32_t returns;		/* atomic; how often the link came back */
	bool announce;			/* atomic; the driver is asked to */
	struct net_filter filter;	/* the control queue's */
	struct net_filters filters;	/* the same for those who look */
	struct net_queue queues[];
};

/* given.c */

/* A copy that was judged, with what its owner left open filled in. */
int virtdev_priv_net_read_config(const struct virtdev_net_config *config,
				 struct virtdev_net_config *c,
				 struct vsu_error *err);

/* net.c */

/* As virtdev_net_new() of a configuration that was read; away is copied. */
int virtdev_priv_net_new(const struct virtdev_net_config *c,
			 const struct net_away *away, struct net **out,
			 struct vsu_error *err);

/* config.c */
uint64_t virtdev_priv_net_features(const struct net *net);
int virtdev_priv_net_set_features(void *self, uint64_t features,
				  struct vsu_error *err);
void virtdev_priv_net_config_read(void *self, uint32_t off, void *buf,
				  uint32_t len);
uint32_t virtdev_priv_net_stats(void *self, struct virtdev_stat *stats,
				uint32_t max);
/* The driver's choices as at the beginning. */
void virtdev_priv_net_config_reset(struct net *net);
/* Which queue is what, as negotiated. */
enum net_role virtdev_priv_net_role(const struct net *net, uint32_t queue);
/* Tells the link what the driver takes of frames. */
int virtdev_priv_net_set_offloads(struct net *net, uint64_t offloads);

/* state.c */
void virtdev_priv_net_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_net_state_load(void *self, uint32_t version,
				struct virtdev_state_reader *r,
				struct vsu_error *err);

/* lane.c */

/* Wakes the queue for these events of its lane, or for none. */
void virtdev_priv_net_watch(struct net_queue *q, uint32_t events);
/*
 * Frames come through the lanes of receiving queues that are in use. Only who
 * serves queues that are away may fail.
 */
int virtdev_priv_net_update_lanes(struct net *net);
/* The link is at its end: nothing comes, and the driver is told. */
void virtdev_priv_net_lost(struct net *net);
/* Whoever runs the program is told that it is, once. */
void virtdev_priv_net_tell_lost(struct net *net);
/* On a receiving queue: looks for another end of a link that was lost. */
bool virtdev_priv_net_retry(struct net_queue *q);
/* On a sending queue: what it waited for is no more where the link came back. */
void virtdev_priv_net_follow(struct net_queue *q);
/* Has the queue woken by the link itself, besides its lane. */
int virtdev_priv_net_watch_link(struct net_queue *q);
/*
 * The next chain, good or not, as vq_pop(). Its pieces are behind the used ones
 * of NET_PIECES; -ENOSPC: they have no room there, but would have alone.
 */
int virtdev_priv_net_take(struct net_queue *q, struct vq_chain *chain,
			  struct iovec *pieces, uint32_t used);
/* Publishes what was pushed, and tells the server what it wants to know. */
void virtdev_priv_net_publish(struct net_queue *q);

/* receive.c, send.c, control.c: one turn, as struct virtdev_ops has it */
int virtdev_priv_net_receive(struct net_queue *q);
int virtdev_priv_net_send(struct net_queue *q);
int virtdev_priv_net_control(struct net_queue *q);

static inline void virtdev_priv_net_count(struct net_queue *q,
					  enum net_count what, uint64_t n)
{
	__atomic_store_n(&q->counts[what], q->counts[what] + n,
			 __ATOMIC_RELAXED);
}

static inline uint32_t virtdev_priv_net_lane(const struct net_queue *q)
{
	return q->index / 2;
}

static inline uint32_t virtdev_priv_net_active(const struct net *net)
{
	return __atomic_load_n(&net->active, __ATOMIC_RELAXED);
}

static inline bool virtdev_priv_net_is_down(const struct net *net)
{
	return __atomic_load_n(&net->down, __ATOMIC_RELAXED);
}

#endif
