/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Internal types of the socket device.
 *
 *   bridge      the device: its connections, and packets for the guest
 *   connection  a stream or SEQPACKET connection between a guest port and a host
 *               socket; a pair of ports has one type
 *   pending     control packets to send; the connection is then in the send queue
 *   reply       a reset for a packet without a connection
 *
 * Connections in the send queue are served round-robin, one packet each. The lock
 * guards everything.
 */
#ifndef VIRTIO_DEVICES_VSOCK_PRIV_H
#define VIRTIO_DEVICES_VSOCK_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-devices/vsock.h>
#include <vmm-sys-util/sock.h>

#include "vsock/backlog.h"
#include "vsock/messages.h"
#include "vsock/packet.h"

/* Queued replies. When full, the guest's packets wait. */
#define VSOCK_REPLIES 256u

/* VIRTIO 1.3, section 5.10.3. */
#define VSOCK_F_STREAM (UINT64_C(1) << 0)
#define VSOCK_F_SEQPACKET (UINT64_C(1) << 1)

/* epoll user data: a connection's index, or one of these. */
#define VSOCK_TAG_LISTENER (UINT64_C(1) << 32)
#define VSOCK_TAG_TIMER (UINT64_C(2) << 32)
#define VSOCK_TAG_WAKE (UINT64_C(3) << 32)

/* Listening sockets: for streams, and for messages. */
#define VSOCK_LISTENERS 2u

/* A list link, next NULL if unlinked; the list head is a link, too. */
struct vsock_link {
	struct vsock_link *prev, *next;
};

enum vsock_state {
	VSOCK_FREE,
	VSOCK_GREETING,		/* waiting for the client's CONNECT */
	VSOCK_REQUESTED,	/* waiting for the guest's response */
	VSOCK_OPEN,
	VSOCK_CLOSING,		/* shut down; waiting for the guest's reset */
	VSOCK_LINGERING,	/* closed by the guest, flushing the backlog */
	VSOCK_DEAD,		/* its reset is still to be sent */
};

/* Control packets to send to the guest. */
enum vsock_pending {
	VSOCK_PEND_RST = 1 << 0,
	VSOCK_PEND_REQUEST = 1 << 1,
	VSOCK_PEND_RESPONSE = 1 << 2,
	VSOCK_PEND_CREDIT_REQUEST = 1 << 3,
	VSOCK_PEND_CREDIT_UPDATE = 1 << 4,
	VSOCK_PEND_SHUTDOWN = 1 << 5,
};

struct vsock_bridge;

struct vsock_conn {
	struct vsock_bridge *bridge;
	struct vsock_conn *next_same;	/* in its hash chain, or free list */
	struct vsock_link in_line, in_time;
	uint64_t deadline;		/* ns; valid while the connection is in in_time */
	struct vsock_backlog backlog;
	struct vsock_messages messages;	/* SEQPACKET only */
	struct vsock_rest rest;
	int fd;				/* -1: closed */
	uint16_t type;			/* VSOCK_STREAM, VSOCK_SEQPACKET */
	uint8_t state;			/* enum vsock_state */
	uint8_t pending;		/* enum vsock_pending */
	uint8_t guest_shut, shut;	/* VSOCK_SHUT_*: received, and sent */
	bool named;			/* its ports are in the table */
	bool readable;			/* the socket may have data, or its end */
	bool hung_up;			/* after a hang-up no further edge follows */
	bool host_eof, host_deaf;	/* the host's peer no longer sends, or no longer
					   receives */
	bool asked;			/* a credit request is outstanding */
	bool watches_room;		/* waits for EPOLLOUT, for the backlog */
	uint32_t guest_port, host_port;
	/* from the guest: bytes received, forwarded, and acknowledged */
	uint32_t received, forwarded, told;
	/* to the guest: bytes sent, its buffer size, and bytes it consumed */
	uint32_t sent, peer_alloc, peer_forwarded;
};

struct vsock_reply {
	uint64_t cid;			/* destination CID of the rejected packet */
	uint32_t guest_port, host_port;
	uint16_t type;
};

/* The transport reset event (VIRTIO 1.3, section 5.10.6.7) after a load. */
enum vsock_reset {
	VSOCK_RESET_NONE,
	VSOCK_RESET_WANTED,		/* to be sent */
	VSOCK_RESET_TOLD,		/* sent, not acknowledged by the driver */
};

struct vsock_listener {
	int fd;			/* -1: none */
	uint16_t type;		/* of its connections */
	bool clients;		/* clients may be waiting */
	struct vsu_sock_path made;
};

struct vsock_bridge {
	struct virtdev *dev;
	struct vq *queues[VIRTDEV_VSOCK_QUEUES];	/* NULL: stopped */
	pthread_mutex_t lock;
	uint64_t cid, timeout_ns;
	char *path;
	struct vsock_listener listeners[VSOCK_LISTENERS];
	int epfd;		/* host fd of the queue to the guest */
	int wake;		/* in epfd, edge-triggered: the send queue is not empty */
	int timer;		/* in epfd: deadlines */
	int room;		/* host fd of the queue from the guest */
	bool messages;		/* the driver accepts SEQPACKET */
	bool stalled;		/* the guest's packets wait for room for replies */
	bool starved;		/* the guest's receive queue is empty */
	enum vsock_reset reset;

	uint32_t nconns, max_conns, buffer, nbuckets, next_port;
	uint32_t seed;		/* of the hash, against chosen collisions */
	struct vsock_conn *conns, *free, **buckets;
	struct vsock_link line, times;
	unsigned char *spill;	/* extends the guest's buffer by buffer bytes */

	/* counters; read on any thread */
	uint64_t live, bytes_to_guest, bytes_from_guest, refused, too_long;

	uint32_t first_reply, nreplies;
	struct vsock_reply replies[VSOCK_REPLIES];
};

/* Marks that clients may be waiting at any listener. */
static inline void vsock_clients_come(struct vsock_bridge *b)
{
	unsigned int i;

	for (i = 0; i < VSOCK_LISTENERS; i++)
		b->listeners[i].clients = b->listeners[i].fd >= 0;
}

static inline bool vsock_clients_wait(const struct vsock_bridge *b)
{
	return b->free && (b->listeners[0].clients || b->listeners[1].clients);
}

/* Increments a counter under the lock; it is read without the lock. */
static inline void vsock_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* table.c: lists and hash table */
void virtdev_priv_vsock_link_add(struct vsock_link *list,
				 struct vsock_link *link);
void virtdev_priv_vsock_link_remove(struct vsock_link *link);
int virtdev_priv_vsock_table_init(struct vsock_bridge *b) VSU_NODISCARD;
void virtdev_priv_vsock_table_fini(struct vsock_bridge *b);
/* Frees all connections and replies. */
void virtdev_priv_vsock_forget(struct vsock_bridge *b);
/* Returns a free connection; NULL: all are in use. */
struct vsock_conn *virtdev_priv_vsock_conn_new(struct vsock_bridge *b);
void virtdev_priv_vsock_conn_free(struct vsock_conn *c);
struct vsock_conn *virtdev_priv_vsock_conn_find(const struct vsock_bridge *b,
						uint32_t guest_port,
						uint32_t host_port);
void virtdev_priv_vsock_conn_name(struct vsock_conn *c, uint32_t guest_port,
				  uint32_t host_port);
void virtdev_priv_vsock_conn_unname(struct vsock_conn *c);
/* A host port without a connection to that guest port. */
uint32_t virtdev_priv_vsock_port(struct vsock_bridge *b, uint32_t guest_port);

/* connection.c */
struct vsock_conn *virtdev_priv_vsock_conn_at(struct vsock_link *in_line);
/* Schedules control packets and enters the send queue. */
void virtdev_priv_vsock_want(struct vsock_conn *c, unsigned int pending);
/* Enters the send queue if anything can be sent. */
void virtdev_priv_vsock_line_up(struct vsock_conn *c);
/* The guest's remaining credit. */
uint32_t virtdev_priv_vsock_credit(const struct vsock_conn *c);
/* Returns whether data can be read from the socket and sent to the guest. */
bool virtdev_priv_vsock_reads(const struct vsock_conn *c);
/* Starts or restarts the timeout. */
void virtdev_priv_vsock_time_begin(struct vsock_conn *c);
void virtdev_priv_vsock_time_end(struct vsock_conn *c);
/* Closes the socket and frees the backlog. */
void virtdev_priv_vsock_close(struct vsock_conn *c);
/* Aborts: the guest receives a reset, the host's client EOF. */
void virtdev_priv_vsock_abort(struct vsock_conn *c);
/* Aborts a connection because of a message that exceeds a limit, and counts it. */
void virtdev_priv_vsock_too_long(struct vsock_conn *c);
/* The host has ended one direction, or both. */
void virtdev_priv_vsock_shut(struct vsock_conn *c, unsigned int flags);
/* n bytes were forwarded: sends a credit update when due. */
void virtdev_priv_vsock_forwarded(struct vsock_conn *c, uint32_t n);
/* Ends connections whose timeout has expired. */
void virtdev_priv_vsock_expire(struct vsock_bridge *b);

/* socket.c: the host socket of a connection */
int virtdev_priv_vsock_watch(struct vsock_conn *c) VSU_NODISCARD;
/* Forwards len bytes of the guest to the socket or the backlog. */
void virtdev_priv_vsock_take(struct vsock_conn *c, struct vq_cursor *body,
			     uint32_t len);
/* Forwards a part of a SEQPACKET message; flags are VSOCK_END_*. */
void virtdev_priv_vsock_take_message(struct vsock_conn *c,
				     struct vq_cursor *body, uint32_t len,
				     uint32_t flags);
/* Applies the guest's shutdown to the socket. */
void virtdev_priv_vsock_guest_shut(struct vsock_conn *c, unsigned int flags);
/* The socket has reached its end. */
void virtdev_priv_vsock_host_eof(struct vsock_conn *c);
/* The guest accepted a client's connection. */
void virtdev_priv_vsock_answered(struct vsock_conn *c);
void virtdev_priv_vsock_socket_event(struct vsock_conn *c, uint32_t events);

/* host.c: events of the host */
/* Connects the guest to a host port; NULL on failure. */
struct vsock_conn *virtdev_priv_vsock_connect(struct vsock_bridge *b,
					      uint16_t type,
					      uint32_t guest_port,
					      uint32_t host_port);
void virtdev_priv_vsock_host_events(struct vsock_bridge *b);

/* from_guest.c */
int virtdev_priv_vsock_from_guest(struct vsock_bridge *b);

/* state.c: operations of the device */
int virtdev_priv_vsock_set_features(void *self, uint64_t features,
				    struct vsu_error *err) VSU_NODISCARD;
void virtdev_priv_vsock_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_vsock_load(void *self, uint32_t version,
			    struct virtdev_state_reader *r,
			    struct vsu_error *err) VSU_NODISCARD;
uint32_t virtdev_priv_vsock_stats(void *self, struct virtdev_stat *stats,
				  uint32_t max);

/* to_guest.c */
int virtdev_priv_vsock_to_guest(struct vsock_bridge *b);

#endif
