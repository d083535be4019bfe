/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared by the files of the socket device.
 *
 *   bridge      the device: its connections, and what waits for the guest
 *   connection  a stream, or one of messages (SEQPACKET), between a port of the
 *               guest and a socket of the host; a pair of ports has one type
 *   pending     packets that a connection owes the guest; it is then in line
 *   reply       a reset for a packet that belongs to no connection
 *
 * Who is in line is served in turn, a packet each. All of it is under the lock.
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

/* Replies that wait. Where there is no room the guest's packets wait. */
#define VSOCK_REPLIES 256u

/* VIRTIO 1.3, section 5.10.3. */
#define VSOCK_F_STREAM (UINT64_C(1) << 0)
#define VSOCK_F_SEQPACKET (UINT64_C(1) << 1)

/* Tags of epoll: the number of a connection, or one of these. */
#define VSOCK_TAG_LISTENER (UINT64_C(1) << 32)
#define VSOCK_TAG_TIMER (UINT64_C(2) << 32)
#define VSOCK_TAG_WAKE (UINT64_C(3) << 32)

/* Sockets where clients come: for streams, and for messages. */
#define VSOCK_LISTENERS 2u

/* A place in a list, next NULL when in none; a list is a link of its own. */
struct vsock_link {
	struct vsock_link *prev, *next;
};

enum vsock_state {
	VSOCK_FREE,
	VSOCK_GREETING,		/* a client has not said CONNECT yet */
	VSOCK_REQUESTED,	/* the guest has not answered yet */
	VSOCK_OPEN,
	VSOCK_CLOSING,		/* both ends are told; the guest's last reset */
	VSOCK_LINGERING,	/* the guest is done, the backlog is not */
	VSOCK_DEAD,		/* until its reset went to the guest */
};

/* Packets that a connection owes the guest. */
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
	struct vsock_conn *next_same;	/* of its hash, or of the free ones */
	struct vsock_link in_line, in_time;
	uint64_t deadline;		/* ns; while in_time */
	struct vsock_backlog backlog;
	struct vsock_messages messages;	/* in it, if it is of messages */
	struct vsock_rest rest;
	int fd;				/* -1 when closed */
	uint16_t type;			/* VSOCK_STREAM, VSOCK_SEQPACKET */
	uint8_t state;			/* enum vsock_state */
	uint8_t pending;		/* enum vsock_pending */
	uint8_t guest_shut, shut;	/* VSOCK_SHUT_*: told to us, and by us */
	bool named;			/* its ports are in the table */
	bool readable;			/* the socket may have bytes, or its end */
	bool hung_up;			/* its end is near: no edge will tell */
	bool host_eof, host_deaf;	/* the host sends, or takes, no more */
	bool asked;			/* for credit, and none came yet */
	bool watches_room;		/* of the socket, for the backlog */
	uint32_t guest_port, host_port;
	/* from the guest: bytes that came, left, and left as it was told */
	uint32_t received, forwarded, told;
	/* to the guest: bytes that went, its room, and what it took */
	uint32_t sent, peer_alloc, peer_forwarded;
};

struct vsock_reply {
	uint64_t cid;			/* that the guest had addressed */
	uint32_t guest_port, host_port;
	uint16_t type;
};

/* The event of VIRTIO 1.3, section 5.10.6.7, after the state was loaded. */
enum vsock_reset {
	VSOCK_RESET_NONE,
	VSOCK_RESET_WANTED,		/* the driver is to be told */
	VSOCK_RESET_TOLD,		/* but has not shown that it knows */
};

struct vsock_listener {
	int fd;			/* -1: none */
	uint16_t type;		/* of its clients */
	bool clients;		/* wait at it */
	struct vsu_sock_path made;
};

struct vsock_bridge {
	struct virtdev *dev;
	struct vq *queues[VIRTDEV_VSOCK_QUEUES];	/* while they run */
	pthread_mutex_t lock;
	uint64_t cid, timeout_ns;
	char *path;
	struct vsock_listener listeners[VSOCK_LISTENERS];
	int epfd;		/* host fd of the queue to the guest */
	int wake;		/* in it, edge-triggered: something is in line */
	int timer;		/* in it: deadlines */
	int room;		/* host fd of the queue from the guest */
	bool messages;		/* the driver takes connections of them */
	bool stalled;		/* the guest's packets wait for replies to go */
	bool starved;		/* the guest gave no buffers */
	enum vsock_reset reset;

	uint32_t nconns, max_conns, buffer, nbuckets, next_port;
	uint32_t seed;		/* so that no guest chooses collisions */
	struct vsock_conn *conns, *free, **buckets;
	struct vsock_link line, times;
	unsigned char *spill;	/* buffer bytes, behind the guest's own */

	/* for whoever asks, on any thread */
	uint64_t live, bytes_to_guest, bytes_from_guest, refused, too_long;

	uint32_t first_reply, nreplies;
	struct vsock_reply replies[VSOCK_REPLIES];
};

/* They may wait at any listener. */
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

/* Under the lock; read without it. */
static inline void vsock_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* list and table: table.c */
void virtdev_priv_vsock_link_add(struct vsock_link *list,
				 struct vsock_link *link);
void virtdev_priv_vsock_link_remove(struct vsock_link *link);
int virtdev_priv_vsock_table_init(struct vsock_bridge *b) VSU_NODISCARD;
void virtdev_priv_vsock_table_fini(struct vsock_bridge *b);
/* All connections and replies. */
void virtdev_priv_vsock_forget(struct vsock_bridge *b);
/* NULL: all are in use. */
struct vsock_conn *virtdev_priv_vsock_conn_new(struct vsock_bridge *b);
void virtdev_priv_vsock_conn_free(struct vsock_conn *c);
struct vsock_conn *virtdev_priv_vsock_conn_find(const struct vsock_bridge *b,
						uint32_t guest_port,
						uint32_t host_port);
void virtdev_priv_vsock_conn_name(struct vsock_conn *c, uint32_t guest_port,
				  uint32_t host_port);
void virtdev_priv_vsock_conn_unname(struct vsock_conn *c);
/* A port of the host that has no connection with that of the guest. */
uint32_t virtdev_priv_vsock_port(struct vsock_bridge *b, uint32_t guest_port);

/* connection.c */
struct vsock_conn *virtdev_priv_vsock_conn_at(struct vsock_link *in_line);
/* Owes the guest these packets, and is in line. */
void virtdev_priv_vsock_want(struct vsock_conn *c, unsigned int pending);
/* In line, if there is anything to be sent. */
void virtdev_priv_vsock_line_up(struct vsock_conn *c);
/* Bytes that the guest has room for. */
uint32_t virtdev_priv_vsock_credit(const struct vsock_conn *c);
/* Bytes of the socket may be read for the guest, if it has room. */
bool virtdev_priv_vsock_reads(const struct vsock_conn *c);
/* The time that a peer has begins, again. */
void virtdev_priv_vsock_time_begin(struct vsock_conn *c);
void virtdev_priv_vsock_time_end(struct vsock_conn *c);
/* The socket and what waits for it are gone. */
void virtdev_priv_vsock_close(struct vsock_conn *c);
/* An end without manners: the guest gets a reset, the host's client EOF. */
void virtdev_priv_vsock_abort(struct vsock_conn *c);
/* The same for a message that one side can never take whole. */
void virtdev_priv_vsock_too_long(struct vsock_conn *c);
/* This direction, or both, are over on the host's side. */
void virtdev_priv_vsock_shut(struct vsock_conn *c, unsigned int flags);
/* The guest is told of n bytes that have room again, in good time. */
void virtdev_priv_vsock_forwarded(struct vsock_conn *c, uint32_t n);
/* Ends those whose peers' time is up. */
void virtdev_priv_vsock_expire(struct vsock_bridge *b);

/* socket.c: one connection and its socket */
int virtdev_priv_vsock_watch(struct vsock_conn *c) VSU_NODISCARD;
/* len bytes of the guest, to the socket or its backlog. */
void virtdev_priv_vsock_take(struct vsock_conn *c, struct vq_cursor *body,
			     uint32_t len);
/* The same of a message, with VSOCK_END_*. */
void virtdev_priv_vsock_take_message(struct vsock_conn *c,
				     struct vq_cursor *body, uint32_t len,
				     uint32_t flags);
/* The guest's part of a shutdown, on the socket. */
void virtdev_priv_vsock_guest_shut(struct vsock_conn *c, unsigned int flags);
/* No more comes from the socket. */
void virtdev_priv_vsock_host_eof(struct vsock_conn *c);
/* The guest took a client's connection. */
void virtdev_priv_vsock_answered(struct vsock_conn *c);
void virtdev_priv_vsock_socket_event(struct vsock_conn *c, uint32_t events);

/* host.c: all that comes from the host */
/* A connection of the guest to a port of the host, or none. */
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
