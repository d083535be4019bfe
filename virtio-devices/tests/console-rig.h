/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A console with a driver for each of its queues. host[] are the other ends of
 * the sockets of its ports; everything is in one process.
 */
#ifndef VIRTIO_DEVICES_TESTS_CONSOLE_RIG_H
#define VIRTIO_DEVICES_TESTS_CONSOLE_RIG_H

#include <virtio-devices/console.h>

#include "guest.h"

#define CONSOLE_PORTS 3u
#define CONSOLE_QUEUES (2 + 2 * CONSOLE_PORTS)
#define CONSOLE_RING 16u
#define CONSOLE_BUFFER 1024u	/* size of each buffer */

/* Features and events, named as in VIRTIO. */
#define F_SIZE 1u
#define F_MULTIPORT 2u
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE,
       PORT_OPEN, PORT_NAME };

struct console_queue {
	struct vq *q;
	struct vq_driver *driver;
	unsigned int next;	/* next buffer */
};

struct console_rig {
	struct guest g;		/* its memory */
	struct virtdev *dev;
	struct console_queue queues[CONSOLE_QUEUES];
	uint32_t nqueues;
	uint64_t features;
	int host[CONSOLE_PORTS];
	unsigned int notified[CONSOLE_QUEUES], config_changes, broken;
	bool woken[CONSOLE_QUEUES];
};

extern struct console_rig con;

/* The record of port 0 of the next console; NULL functions: none. */
extern struct virtdev_console_port console_record;

/* A console with port 0 only, without control messages. */
void console_init_one(uint64_t features);
/* Port 0, a console, and port 1, a stream named "data"; at most three ports. */
void console_init_many(uint64_t features);
/* With a host end of the test. */
void console_init_on(struct virtdev_port *host, const char *name,
		 uint32_t max_ports, uint64_t features);
void console_fini(void);

/* Stops the queues, resets the device, and starts them for a new driver. */
void console_restart(uint64_t features);

/*
 * Creates a host end of a port: a socket, whose other end is returned in
 * *other.
 */
struct virtdev_port *console_socket(int *other);

/* Serves all queues until no work is left. */
void console_settle(void);

/* Adds n buffers to a queue that the device writes. */
void console_offer(uint32_t queue, unsigned int n, uint32_t len);
/* Adds one buffer to a queue that the device reads. */
void console_write(uint32_t queue, const void *bytes, uint32_t len);
/* The bytes of the next used buffer of a queue, or -1 if none is used. */
int64_t console_used(uint32_t queue, void *bytes, size_t len);

/* Sends a message to the device; reads its next message as "EVENT ID VALUE". */
void console_send_message(uint32_t id, uint16_t event, uint16_t value);
const char *console_read_message(void);
/* Performs the initialization of the Linux driver and reads all replies. */
void console_start_driver(void);

/*
 * Sends text to a port's host end; reads the text that the host end received.
 */
void console_host_write(unsigned int port, const char *text);
const char *console_host_read(unsigned int port);

struct virtdev_console_counts console_counts(uint32_t id);

#endif
