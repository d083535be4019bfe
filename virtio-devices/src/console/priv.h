/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The console device from within.
 *
 *   console  the device: its ports, its queues, what its driver said
 *   port     two queues, an end on the host, and what the driver is still to
 *            be told of it, which is a set and not a list: however often
 *            something changes, or a driver asks, it takes no more memory
 *   channel  one queue with what wakes it
 *
 * No chain stays taken between two turns: one that could not be finished goes
 * back to the ring, and of one that was written in part it is kept how much. So
 * a queue can be stopped at any time.
 *
 * Threads: queues may have a thread each; what they share is guarded by the
 * console's lock, which is held for a turn.
 */
#ifndef VIRTIO_DEVICES_CONSOLE_PRIV_H
#define VIRTIO_DEVICES_CONSOLE_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/console.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/endian.h>

#include "port/priv.h"

/* Features and events (VIRTIO 1.3, sections 5.3.3 and 5.3.6.2). */
#define CONSOLE_F_SIZE		(UINT64_C(1) << 0)
#define CONSOLE_F_MULTIPORT	(UINT64_C(1) << 1)
#define CONSOLE_F_EMERG_WRITE	(UINT64_C(1) << 2)

enum console_event {
	EVENT_DEVICE_READY,
	EVENT_PORT_ADD,
	EVENT_PORT_REMOVE,
	EVENT_PORT_READY,
	EVENT_CONSOLE_PORT,
	EVENT_RESIZE,
	EVENT_PORT_OPEN,
	EVENT_PORT_NAME,
};

/* Queues of port 0, then those of control, then those of the other ports. */
#define CONTROL_RX 2u
#define CONTROL_TX 3u

struct channel {
	struct vq *q;		/* while it runs */
	int epfd;		/* the queue's host descriptor, or -1 */
	int event;		/* wakes it */
	struct iovec *iov;	/* for the pieces of a chain */
};

struct port {
	struct virtdev_port *host;	/* NULL: there is no such port */
	char name[VIRTDEV_CONSOLE_MAX_NAME + 1];
	bool console;
	uint16_t cols, rows;	/* 0: nobody knows */
	uint32_t tell;		/* 1 << enum console_event: not told yet */
	bool known;		/* the driver was told of it */
	bool ready;		/* the driver has it */
	bool guest_open, host_open;
	bool unsure;		/* the host's end may have come or gone */
	bool in_ready, out_ready;	/* not known to have to wait */
	uint32_t written;	/* bytes of the next chain that are out */
	int timer;		/* of a console whose host takes nothing */
	bool waits;		/* the timer runs */
	bool given_up;		/* it ran out: nobody waits for the host */
	uint64_t to_guest, from_guest, dropped;
};

struct console {
	struct virtdev *dev;
	pthread_mutex_t lock;
	uint64_t features;	/* acknowledged */
	bool has_control;	/* offered */
	bool rows_first;
	bool driver_ready;	/* said DEVICE_READY */
	uint32_t max_ports, nchannels, pieces;
	uint64_t refused;
	struct channel *channels;
	struct port ports[VIRTDEV_CONSOLE_MAX_PORTS];
};

static inline bool console_has_messages(const struct console *c)
{
	return c->features & CONSOLE_F_MULTIPORT;
}

static inline uint32_t console_rx_of(uint32_t id)
{
	return id ? 2 + 2 * id : 0;
}

/* channel.c */

int virtdev_priv_channel_init(struct channel *ch, bool waits, uint32_t pieces);
void virtdev_priv_channel_fini(struct channel *ch);
void virtdev_priv_channel_wake(const struct channel *ch);

/* Events since the last look. */
#define CHANNEL_WOKEN 1u
#define CHANNEL_TIMER 2u
unsigned int virtdev_priv_channel_look(const struct channel *ch);
int virtdev_priv_channel_add_timer(const struct channel *ch, int timer);

/* Limits of one turn. */
struct turn {
	struct console *c;
	uint32_t queue;
	struct port *port;
	uint32_t chains;	/* that are left */
	uint64_t bytes;
};

enum verdict {
	TURN_DONE,		/* the chain was used */
	TURN_WAIT,		/* it goes back, until the host wakes the queue */
	TURN_AGAIN,		/* it goes back, and others have their turn */
};

/*
 * Serves chains of a queue: *used is how much was stored into one. As
 * queue_serve.
 */
int virtdev_priv_channel_turn(struct turn *t,
			      enum verdict (*serve)(struct turn *t, struct vq *q,
						    struct vq_chain *chain,
						    uint32_t *used));

/* streams.c: the two queues of a port. */

int virtdev_priv_port_serve_rx(struct turn *t);
int virtdev_priv_port_serve_tx(struct turn *t);
/* Whoever came or went on the host's side. */
void virtdev_priv_port_look(struct console *c, struct port *p);
void virtdev_priv_port_emergency(struct console *c, unsigned char byte);

/* control.c: messages. */

int virtdev_priv_control_serve_rx(struct turn *t);
int virtdev_priv_control_serve_tx(struct turn *t);
/* The driver is to be told, if it can be. */
void virtdev_priv_control_tell(struct console *c, struct port *p,
			       enum console_event event);
void virtdev_priv_control_forget(struct console *c);

/* ports.c */

/* Copies it. */
int virtdev_priv_port_check(const struct virtdev_console_port *port,
			    struct virtdev_console_port *p,
			    struct vsu_error *err);
/* The end on the host stays the caller's where this fails. */
int virtdev_priv_port_init(struct console *c, struct port *p,
			   const struct virtdev_console_port *config,
			   struct vsu_error *err);
void virtdev_priv_port_fini(struct port *p);
uint32_t virtdev_priv_console_stats(void *self, struct virtdev_stat *stats,
				    uint32_t max);

/* state.c */

struct virtdev_state_reader;
struct virtdev_state_writer;
void virtdev_priv_console_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_console_load(void *self, uint32_t version,
			      struct virtdev_state_reader *r,
			      struct vsu_error *err);

#endif
