/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Internal types of the console device.
 *
 *   console  the device: ports, queues, state of its driver
 *   port     two queues, a host stream, and the set of events to report to the
 *            driver. A set, not a list: repeated changes, or requests by the
 *            driver, need no further memory
 *   channel  one queue and its wake-up sources: descriptors of the host, and other queues
 *
 * No chain is held between two turns. A chain that cannot be completed is
 * returned to the ring; port.written records how much of it was written. A queue
 * can therefore be stopped at any time.
 *
 * Threads: each queue may have its own thread. The console's lock guards shared
 * state and is held for the duration of a turn.
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

/* Queue order: port 0, control, the other ports. */
#define CONTROL_RX 2u
#define CONTROL_TX 3u

struct channel {
	struct vq *q;		/* NULL: stopped */
	int epfd;		/* the queue's host descriptor, or -1 */
	bool woken;		/* by another queue, or the owner */
	struct iovec *iov;	/* array for the pieces of a chain */
};

/* The driver's view of a port. Each value includes those before it. */
enum port_progress {
	PORT_UNKNOWN,		/* PORT_ADD was not sent, or PORT_REMOVE since then */
	PORT_ANNOUNCED,
	PORT_READY,		/* the driver has sent PORT_READY */
	PORT_OPEN,		/* the driver has sent PORT_OPEN */
};

/* Bytes that are kept for the next peer of a console. */
#define KEPT_MAX 65536u

/* Output to the host. */
enum port_output {
	OUTPUT_FLOWS,		/* the last transfer did not block */
	OUTPUT_BLOCKED,
	OUTPUT_DROPPED,		/* blocked for too long: until the host reads again */
};

struct port {
	struct virtdev_port *host;	/* NULL: the port does not exist */
	char name[VIRTDEV_CONSOLE_MAX_NAME + 1];
	bool console;
	uint16_t cols, rows;	/* 0: unknown */
	uint32_t pending;	/* bits 1 << enum console_event that must be reported */
	enum port_progress progress;
	bool host_open;
	bool recheck;		/* the host's peer may have changed */
	bool in_ready;		/* the last transfer did not block */
	enum port_output output;
	uint32_t written;	/* bytes of the next chain already written */
	int timer;		/* limits the wait for the host; -1: none */
	bool waiting;		/* the timer is armed */
	uint64_t to_guest, from_guest, dropped;
	unsigned char *kept;	/* the last output while the host stream is closed, KEPT_MAX
				   bytes; or NULL */
	uint32_t kept_at, nkept;
	uint64_t (*record)(void *recorder, const struct iovec *iov, int n); /* or NULL */
	void (*free_recorder)(void *recorder);
	void *recorder;
	uint64_t unrecorded;
};

struct console {
	struct virtdev *dev;
	pthread_mutex_t lock;
	uint64_t features;	/* acknowledged */
	bool has_control;	/* MULTIPORT is offered */
	bool rows_first;
	bool driver_ready;	/* the driver has sent DEVICE_READY */
	uint32_t max_ports, nchannels, pieces;
	uint64_t refused;
	struct channel *channels;
	struct port ports[VIRTDEV_CONSOLE_MAX_PORTS];
};

static inline bool console_has_messages(const struct console *c)
{
	return c->features & CONSOLE_F_MULTIPORT;
}

/* Without a host stream the driver can neither use nor open the port. */
static inline void console_port_lost(struct port *p)
{
	p->host_open = false;
	if (p->progress > PORT_ANNOUNCED)
		p->progress = PORT_ANNOUNCED;
}

static inline uint32_t console_rx_of(uint32_t id)
{
	return id ? 2 + 2 * id : 0;
}

/* channel.c */

/* has_host: true for a port, false for the control queues. */
int virtdev_priv_channel_init(struct channel *ch, bool has_host, uint32_t pieces);
void virtdev_priv_channel_fini(struct channel *ch);
void virtdev_priv_channel_wake(struct console *c, uint32_t queue);

/* Wake-ups since the last call. */
#define CHANNEL_WOKEN 1u
#define CHANNEL_TIMER 2u
unsigned int virtdev_priv_channel_events(struct channel *ch);
int virtdev_priv_channel_add_timer(const struct channel *ch, int timer);

/* One turn of a queue, with its remaining budget. */
struct turn {
	struct console *c;
	uint32_t queue;
	struct port *port;
	uint32_t chains;
	uint64_t bytes;
};

enum verdict {
	TURN_DONE,		/* the chain is complete */
	TURN_WAIT,		/* return the chain and wait for the host */
	TURN_AGAIN,		/* return the chain and continue next turn */
};

/*
 * Serves chains of a queue; serve stores the chain's used length in *used.
 * Returns as queue_serve of struct virtdev_ops.
 */
int virtdev_priv_channel_turn(struct turn *t,
			      enum verdict (*serve)(struct turn *t, struct vq *q,
						    struct vq_chain *chain,
						    uint32_t *used));

/*
 * kept.c: output of a console whose host stream is closed. Older bytes are dropped and
 * counted.
 */

void virtdev_priv_kept_add(struct port *p, const struct iovec *iov, int n);
/* Writes kept output to the host stream, as far as it accepts bytes. */
void virtdev_priv_kept_send(struct port *p);

/* streams.c: the two queues of a port. */

int virtdev_priv_port_serve_rx(struct turn *t);
int virtdev_priv_port_serve_tx(struct turn *t);
void virtdev_priv_port_emergency(struct console *c, unsigned char byte);

/* control.c: messages. */

int virtdev_priv_control_serve_rx(struct turn *t);
int virtdev_priv_control_serve_tx(struct turn *t);
/* Queues an event for the driver, if the driver can receive it. */
void virtdev_priv_control_post(struct console *c, struct port *p,
			       enum console_event event);
void virtdev_priv_control_clear(struct console *c);

/* ports.c */

/* Checks port and copies it to p. */
int virtdev_priv_port_check(const struct virtdev_console_port *port,
			    struct virtdev_console_port *p,
			    struct vsu_error *err);
/* On failure the host stream remains with the caller. */
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
