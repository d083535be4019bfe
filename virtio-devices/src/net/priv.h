/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Internals of the network device.
 *
 *   net     the device: link, configuration and queues
 *   queue   a virtqueue and its event sources on the host
 *   stock   popped buffers of a receive queue that contain no frame yet
 *   kept    a received frame that is longer than the stock and waits for buffers
 *   batch   frames that are sent to the link together
 *   away    data queues that another process or the kernel serves; this device then
 *           serves the control queue and the configuration space
 */
#ifndef VIRTIO_DEVICES_NET_PRIV_H
#define VIRTIO_DEVICES_NET_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/net.h>
#include <virtio-devices/rate.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/event.h>

#include "link/priv.h"
#include "net/block.h"
#include "net/filter.h"

/* Maximum buffers and pieces of a stock; one piece is reserved for kept. */
#define NET_STOCK 256u
#define NET_PIECES 1023u

#define NET_BATCH 32u

/* Budget of one turn. */
#define NET_TURN_FRAMES 256u
#define NET_TURN_BYTES (UINT64_C(4) << 20)

/* Bytes of a frame with virtio header and VLAN tag, at an MTU of 1500. */
#define NET_USUAL_FRAME (1518u + 12u)

/* Offloads of the link that the driver may accept. */
#define NET_GUEST_OFFLOADS \
	(VIRTDEV_NET_F_GUEST_CSUM | VIRTDEV_NET_F_GUEST_TSO4 | \
	 VIRTDEV_NET_F_GUEST_TSO6 | VIRTDEV_NET_F_GUEST_ECN | \
	 VIRTDEV_NET_F_GUEST_UFO | VIRTDEV_NET_F_GUEST_USO4 | \
	 VIRTDEV_NET_F_GUEST_USO6)

enum net_role {
	NET_RECEIVES,
	NET_SENDS,
	NET_CONTROLS,
	NET_IDLE,		/* does not exist with the negotiated features */
};

struct net_stock {
	uint32_t first, n;	/* chains [first, first + n) */
	uint32_t npieces, used;	/* their pieces: [used, npieces) */
	uint64_t bytes;		/* total size of the buffers */
	uint64_t wanted;	/* length of the longest frame so far */
	uint32_t kept;		/* bytes of the waiting frame; 0: none */
	uint32_t seen;		/* generation of the filter */
	struct net_filter filter;
	struct vq_chain chains[NET_STOCK];
	struct iovec pieces[NET_PIECES + 1];
	unsigned char frame[VIRTDEV_NET_FRAME_MAX];
};

struct net_batch {
	uint32_t n;		/* chains, one frame each */
	bool bad;		/* the last chain is not a valid frame */
	uint32_t used, made;	/* entries of pieces and of frame_pieces */
	struct vq_chain chains[NET_BATCH];
	uint32_t written[NET_BATCH];	/* always 0 */
	struct virtdev_net_header headers[NET_BATCH];
	struct virtdev_net_frame frames[NET_BATCH];
	struct iovec pieces[NET_PIECES];
	uint8_t heads[NET_BATCH][NET_BLOCK_BYTES];	/* if addresses are blocked */
	struct iovec frame_pieces[NET_PIECES + 2 * NET_BATCH];	/* and header and head of each frame */
};

/* Statistics of a queue; written on its thread only. */
enum net_count { NET_RECEIVED, NET_SENT, NET_BYTES_RECEIVED, NET_BYTES_SENT, NET_DROPPED,
		 NET_COUNTS };

struct net_queue {
	struct net *net;
	struct vq *q;			/* NULL: stopped */
	uint32_t index;
	enum net_role role;		/* since it was started */
	int epfd;			/* returned by queue_host_fd */
	uint32_t watching;		/* atomic; events of the lane, or 0 */
	int back;			/* send queue of a link that reconnects: eventfd that
					   signals a reconnection; else -1 */
	uint32_t returns;		/* value of net.returns seen by the queue */
	bool reported_broken;
	struct virtdev_rate *rate;	/* limit of this direction, during a turn; NULL: no
					   limit */
	uint64_t wait;			/* ns until the limit permits a frame */
	struct net_stock *stock;	/* receive queues */
	struct net_batch *batch;	/* send queues */
	uint64_t counts[NET_COUNTS];	/* atomic */
};

/* The announcement of the guest to the network after a state was loaded. */
enum net_announcement { NET_SILENT, NET_DRIVER_ANNOUNCES, NET_CARD_ANNOUNCES };

struct net_away {
	const char *who;		/* name of the server, for messages; constant */
	uint64_t features;		/* ring and data features of the server */
	/* Starts or stops a pair. Only a start can fail, without an effect. */
	int (*set_lane)(void *opaque, uint32_t lane, bool on);
	void *opaque;
};

/*
 * A change of the pairs in use. One lane can take many ms, as the kernel waits for a grace
 * period of its network: turns of the control queue change them by the clock.
 */
struct net_change {
	uint32_t next, end;	/* lanes that remain: [next, end) */
	uint32_t before;	/* previous number of pairs in use */
	uint32_t refused;	/* number of pairs that the server refused; 0: none */
};

struct net {
	struct virtdev *dev;
	struct virtdev_net_link *link;
	struct net_away away;		/* set_lane NULL: this process serves all queues */
	uint32_t pairs;			/* number of lanes of the link */
	uint32_t active;		/* atomic; pairs in use */
	struct net_change change;	/* of the control queue */
	struct virtdev_rate *rates[2];	/* of NET_RECEIVES and NET_SENDS */
	uint64_t features;		/* acknowledged */
	uint64_t offered;		/* offloads that the link supports and the configuration allows */
	uint64_t offloads;		/* GUEST_ bits in effect */
	uint16_t mtu;
	enum virtdev_net_block block;
	uint8_t own_mac[NET_MAC];	/* configured address */
	bool down;			/* atomic; the link is disconnected */
	bool reported_down;		/* atomic; logged */
	uint32_t returns;		/* atomic; number of reconnections */
	enum net_announcement announce;	/* atomic */
	uint8_t announced[NET_MAC];	/* address of the card's announcement */
	struct net_filter filter;	/* of the control queue */
	struct net_filters filters;	/* published to the receive queues */
	struct net_queue queues[];
};

/* limit.c */

/* Creates the buckets with the limits of the configuration. */
int virtdev_priv_net_rates_make(struct net *net,
				const struct virtdev_net_config *c,
				struct vsu_error *err);
void virtdev_priv_net_rates_free(struct net *net);
/* At the start of a turn: reads whether the queue is limited. */
void virtdev_priv_net_limit_begin(struct net_queue *q);

/* given.c */

/* Copies and checks the configuration, and fills in defaults. */
int virtdev_priv_net_read_config(const struct virtdev_net_config *config,
				 struct virtdev_net_config *c,
				 struct vsu_error *err);

/* net.c */

/* Creates the device by a checked configuration; copies away. */
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
/* Statistics of a device whose queues another process serves. */
uint32_t virtdev_priv_net_no_stats(void *self, struct virtdev_stat *stats, uint32_t max);
/* Resets all settings of the driver. */
void virtdev_priv_net_config_reset(struct net *net);
/* The role of a queue with the negotiated features. */
enum net_role virtdev_priv_net_role(const struct net *net, uint32_t queue);
/* Enables these receive offloads on the link. */
int virtdev_priv_net_set_offloads(struct net *net, uint64_t offloads);

/* state.c */
void virtdev_priv_net_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_net_state_load(void *self, uint32_t version,
				struct virtdev_state_reader *r,
				struct vsu_error *err);

/* announce.c */

/* Determines whether the driver or the card announces the guest. */
void virtdev_priv_net_announce_begin(struct net *net);
/*
 * Sends the announcement in a turn of a send queue. False: the link is full, and the frame
 * was not sent.
 */
bool virtdev_priv_net_announce(struct net_queue *q);

/* lane.c */

/* Wakes the queue for these events of its lane; 0: none. */
void virtdev_priv_net_watch(struct net_queue *q, uint32_t events);
/* Enables the lane if its receive queue runs and is in use; else disables it. */
void virtdev_priv_net_update_lane(struct net *net, uint32_t lane);
/* Begins to change the number of pairs in use. */
void virtdev_priv_net_use_pairs(struct net *net, uint32_t pairs);
/* Continues for a few ms. Returns true while lanes remain. */
bool virtdev_priv_net_change_lanes(struct net *net);
/* The link is disconnected: reports this to the driver and logs it. */
void virtdev_priv_net_lost(struct net *net);
/* Logs a disconnected link, once until it is connected again. */
void virtdev_priv_net_tell_lost(struct net *net);
/* On a receive queue: tries to reconnect. True: connected. */
bool virtdev_priv_net_retry(struct net_queue *q);
/* On a send queue: stops waiting for the old connection after a reconnection. */
void virtdev_priv_net_follow(struct net_queue *q);
/* Adds events of reconnection to the queue's epoll descriptor. */
int virtdev_priv_net_watch_link(struct net_queue *q);
/*
 * Pops the next chain, as vq_pop(), with its pieces behind the first used ones.
 * -ENOSPC: more than NET_PIECES in total.
 */
int virtdev_priv_net_pop(struct net_queue *q, struct vq_chain *chain,
			 struct iovec *pieces, uint32_t used);
/* Publishes pushed chains, notifies the driver and reports a broken queue. */
void virtdev_priv_net_publish(struct net_queue *q);

/* receive.c, send.c, control.c: one turn, as struct virtdev_ops has it */
int virtdev_priv_net_receive(struct net_queue *q);
int virtdev_priv_net_send(struct net_queue *q);
int virtdev_priv_net_control(struct net_queue *q);

/* True: no frame may pass until q->wait has elapsed. */
static inline bool virtdev_priv_net_must_wait(struct net_queue *q)
{
	q->wait = q->rate ? virtdev_rate_wait(q->rate, vsu_now_ns()) : 0;
	return q->wait;
}

/* Tokens of a frame of len bytes with its header, which does not count. */
static inline uint64_t net_tokens(uint64_t len)
{
	return len > NET_HEADER ? len - NET_HEADER : 0;
}

static inline void virtdev_priv_net_limit_take(struct net_queue *q, uint64_t len)
{
	if (q->rate)
		virtdev_rate_take(q->rate, net_tokens(len), 1);
}

static inline void virtdev_priv_net_limit_return(struct net_queue *q, uint64_t len)
{
	if (q->rate)
		virtdev_rate_return(q->rate, net_tokens(len), 1);
}

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

static inline bool virtdev_priv_net_is_changing(const struct net *net)
{
	return net->change.next < net->change.end;
}

static inline bool virtdev_priv_net_is_down(const struct net *net)
{
	return __atomic_load_n(&net->down, __ATOMIC_RELAXED);
}

#endif
