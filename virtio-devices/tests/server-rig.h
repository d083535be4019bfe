/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block device behind a socket and a front-end before it, all in one
 * process: on one thread, or with a thread for each queue.
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

/* The back-end's half. */
struct server_side {
	struct virtdev *dev;
	struct vmem_sigbus *sigbus;
	struct virtdev_vhost_user_server *server;
	bool threaded;
	int listener;
	unsigned int ended;	/* sessions */
	struct vsu_error why;	/* the last one */
	unsigned int refused;	/* what the owner was told of that */
	uint32_t refused_request;
	struct vsu_error refusal;	/* the last one */
	int last;		/* what dispatch said last */
	pthread_t threads[QUEUES];
	int quit;		/* eventfd that ends them */
};

/* How long a front-end may be silent, for servers made from now on; 0: usual. */
extern uint64_t server_silence_ns;
/* Whether those may have their memory behind the guest. */
extern bool server_postcopy;

/* dev is the server's from here on. */
void server_listen(struct server_side *s, struct virtdev *dev, bool threaded);
void server_connected(struct server_side *s, struct virtdev *dev,
		      bool threaded, int *client);
/* Stops it, with whatever session it has. */
void server_fini(struct server_side *s);

/* The front-end's half: a guest with a driver for each queue. */
struct client_side {
	struct server_side *server;
	struct guest g;
	struct vq_driver *drivers[QUEUES];
	int kick[QUEUES], call[QUEUES], err[QUEUES];
	struct vhost_user_frontend *fe;
	bool ready, started, stopped, failed, memory_done, config_changed;
	bool configured;
	bool state_moves, state_moved;	/* answers, with this code */
	int state_result;
	unsigned char config[60];
	uint32_t bases[QUEUES];
	unsigned int inflight;
};

/* A connection by which nothing is said. */
int server_connect(const struct server_side *s);

/* Connected; nothing was said yet. */
void client_connect(struct client_side *c, struct server_side *s);
void client_take_sock(struct client_side *c, struct server_side *s, int sock);

/* Until both rings run; kicks false: the back-end is to poll. */
void client_start(struct client_side *c, bool kicks);
void client_stop(struct client_side *c);

/* A hang-up: whatever was under way, it is gone. */
void client_fini(struct client_side *c);

/* Both sides go on until *flag; or until nothing is ready, when NULL. */
void pump(struct client_side *c, const bool *flag);
/* The server alone until so many sessions have ended. */
void pump_server(struct server_side *s, unsigned int ended);

/*
 * Requests of one sector, slot 0 to 31 of a queue: begin, and wait until all
 * that were begun are done. slot decides where header, data and status lie.
 */
unsigned char *client_data(struct client_side *c, unsigned int queue,
			   unsigned int slot);
void client_begin(struct client_side *c, unsigned int queue, unsigned int slot,
		  uint32_t type, uint64_t sector);
void client_wait(struct client_side *c);
int client_status(struct client_side *c, unsigned int queue,
		  unsigned int slot);

/* One by itself, on queue 0; its status. */
int client_do(struct client_side *c, uint32_t type, uint64_t sector);

#endif
