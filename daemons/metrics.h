/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * --metrics: answers HTTP requests at a UNIX socket with the statistics of the device, in
 * the text format 0.0.4 of Prometheus. A client that is slow or silent costs one of a
 * few places, which the next client takes.
 *
 * Threads: the main thread.
 */
#ifndef DAEMONS_METRICS_H
#define DAEMONS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/device.h>

#include "listen.h"

#define METRICS_CLIENTS 8u

struct metrics_client {
	int fd;			/* -1: the place is free */
	char request[2048];
	size_t got;
	char *reply;		/* NULL: the request is not complete */
	size_t len, sent;
};

struct metrics {
	struct virtdev *dev;
	const char *kind;	/* its name, such as "blk" */
	struct daemon_listener listener;	/* fd -1: none */
	int epoll;		/* all descriptors, and the one of metrics_watch(); or -1 */
	struct metrics_client clients[METRICS_CLIENTS];
	unsigned int next;	/* the place that is taken if none is free */
	bool waits;		/* for a descriptor: no client is accepted */
	uint64_t sessions;	/* of front-ends that have ended */
	uint64_t refused;	/* requests of front-ends */
};

#define METRICS_INIT(device, name) { .dev = (device), .kind = (name), .listener.fd = -1, .epoll = -1 }

/* When the listener is open, or without one: no effect. */
int metrics_start(struct metrics *m, struct vsu_error *err);
/*
 * A descriptor that is readable if other is, or if metrics_dispatch() has something to
 * do. Call it once.
 */
int metrics_watch(struct metrics *m, int other);
/* Never blocks. */
void metrics_dispatch(struct metrics *m);
void metrics_session_ended(struct metrics *m);
void metrics_end(struct metrics *m);

#endif
