/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A console with a driver for each of its queues, and the other ends of its
 * ports: sockets, of which the test has host[], all in one process.
 */
#ifndef VIRTIO_DEVICES_TESTS_CONSOLE_RIG_H
#define VIRTIO_DEVICES_TESTS_CONSOLE_RIG_H

#include <virtio-devices/console.h>

#include "guest.h"

#define CONSOLE_PORTS 3u
#define CONSOLE_QUEUES (2 + 2 * CONSOLE_PORTS)
#define CONSOLE_RING 16u
#define CONSOLE_BUFFER 1024u	/* bytes of each buffer */

/* Features and events by the names of VIRTIO. */
#define F_SIZE 1u
#define F_MULTIPORT 2u
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE,
       PORT_OPEN, PORT_NAME };

struct console_queue {
	struct vq *q;
	struct vq_driver *driver;
	unsigned int next;	/* buffer */
};

struct console_rig {
	struct guest g;		/* its memory */
	struct virtdev *dev;
	struct console_queue queues[CONSOLE_QUEUES];
	uint32_t nqueues;
	uint64_t features;
	int host[CONSOLE_PORTS];
	unsigned int notified[CONSOLE_QUEUES], config_changes, broken;
};

extern struct console_rig con;

/* Port 0 alone, a console, without control. */
void console_init_one(uint64_t features);
/* Port 0, a console, and port 1, a stream named "data"; room for one more. */
void console_init_many(uint64_t features);
/* With a host's end of the test's own. */
void console_init_on(struct virtdev_port *host, const char *name,
		 uint32_t max_ports, uint64_t features);
void console_fini(void);

/* Stops the queues, resets, and starts them again for a new driver. */
void console_restart(uint64_t features);

/* A port's host end, a socket whose other end is returned. */
struct virtdev_port *console_socket(int *other);

/* Serves all queues until none has anything to do. */
void console_settle(void);

/* Buffers for a queue that the device writes to. */
void console_offer(uint32_t queue, unsigned int n, uint32_t len);
/* A buffer for one that it reads. */
void console_write(uint32_t queue, const void *bytes, uint32_t len);
/* The next used buffer of a queue: its bytes, or -1 when there is none. */
int64_t console_used(uint32_t queue, void *bytes, size_t len);

/* Messages: to the device, and the next one from it as "EVENT ID VALUE". */
void console_say(uint32_t id, uint16_t event, uint16_t value);
const char *console_heard(void);
/* The driver says what Linux says, and hears out all answers. */
void console_greet(void);

/* Text to a port's host end, and what came there. */
void console_type(unsigned int port, const char *text);
const char *console_seen(unsigned int port);

struct virtdev_console_counts console_counts(uint32_t id);

#endif
