/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block device behind a socket and a front-end, all in one process: on one
 * thread, or with a thread for each queue.
 */
#ifndef VIRTIO_DEVICES_TESTS_SERVER_RIG_H
#define VIRTIO_DEVICES_TESTS_SERVER_RIG_H

#include <pthread.h>
#include <stdbool.h>

#include <vhost/frontend.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/vhost_user_server.h>

#include "guest.h"

#define QUEUES 2
#define RING_SIZE 64u

/* The back-end's side. */
struct server_side {
	struct virtdev *dev;
	struct vmem_sigbus *sigbus;
	struct virtdev_vhost_user_server *server;
	bool threaded;
	int listener;
	unsigned int ended;	/* sessions that ended */
	struct vsu_error why;	/* of the last one */
	unsigned int refused;	/* number of refusals that were reported */
	uint32_t refused_request;
	struct vsu_error refusal;	/* the last one */
	int last;		/* last result of dispatch */
	pthread_t threads[QUEUES];
	int quit;		/* eventfd that ends the threads */
};

/*
 * Idle time-out of front-ends, for servers created from here on; 0: the
 * default.
 */
extern uint64_t server_silence_ns;
/* Their time of busy-waiting. */
extern uint64_t server_poll_ns;
/* Whether these servers offer postcopy. */
extern bool server_postcopy;
/* Whether clients connect again after a disconnection, to the server that listens then. */
extern bool client_returns;

/* Creates a server that owns dev. */
void server_listen(struct server_side *s, struct virtdev *dev, bool threaded);
void server_connected(struct server_side *s, struct virtdev *dev,
		      bool threaded, int *client);
/* Stops the server and its session. */
void server_fini(struct server_side *s);

/* The front-end's side: a guest with a driver for each queue. */
struct client_side {
	struct server_side *server;
	struct guest g;
	struct vq_driver *drivers[QUEUES];
	int kick[QUEUES], call[QUEUES], err[QUEUES];
	struct vhost_user_frontend *fe;
	bool ready, started, stopped, failed, memory_done, config_changed;
	bool configured, back;
	bool state_moves, state_moved;	/* a transfer of state ended, with this code */
	int state_result;
	unsigned char config[60];
	uint32_t bases[QUEUES];
	unsigned int inflight;
};

/* Connects without sending a message. */
int server_connect(const struct server_side *s);

/* Connects a front-end; no message was sent. */
void client_connect(struct client_side *c, struct server_side *s);
void client_take_sock(struct client_side *c, struct server_side *s, int sock);

/* Starts both rings. Without kicks the back-end has to poll. */
void client_start(struct client_side *c, bool kicks);
void client_stop(struct client_side *c);

/* Hangs up, even if requests are in flight. */
void client_fini(struct client_side *c);

/* Dispatches both sides until *flag is set; if NULL, until nothing is ready. */
void pump(struct client_side *c, const bool *flag);
/* Dispatches only the server until this number of sessions has ended. */
void pump_server(struct server_side *s, unsigned int ended);

/*
 * Requests of one sector, in slots 0 to 31 of a queue: start one, and wait
 * until all have completed. The slot selects the addresses of header, data and
 * status.
 */
unsigned char *client_data(struct client_side *c, unsigned int queue,
			   unsigned int slot);
void client_begin(struct client_side *c, unsigned int queue, unsigned int slot,
		  uint32_t type, uint64_t sector);
void client_wait(struct client_side *c);
int client_status(struct client_side *c, unsigned int queue,
		  unsigned int slot);

/* Runs one request on queue 0; returns its status. */
int client_do(struct client_side *c, uint32_t type, uint64_t sector);

/* The ends of a transfer, to read and to write: of a pipe, or, if kind is not 0, of sockets. */
void client_state_pair(int kind, int fds[2]);
/* Passes the descriptor of a state to the back-end; returns its reply. */
int client_give(struct client_side *c, bool load, int fd);
/* Returns the back-end's result of the transfer. */
int client_result(struct client_side *c);

#endif
