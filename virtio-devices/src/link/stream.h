/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A stream socket with length-prefixed frames (four bytes, big-endian). Both
 * directions are buffered, so that one system call transfers many frames.
 *
 * The receiving side replaces a lost connection under the same descriptor number. The
 * sending side may be within a frame at that time: it writes under a lock, and never
 * sends bytes buffered for a previous connection.
 */
#ifndef VIRTIO_DEVICES_LINK_STREAM_H
#define VIRTIO_DEVICES_LINK_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/priv.h"

#define LENGTH 4u
#define FRAME_MAX (VIRTDEV_NET_FRAME_MAX - NET_HEADER)
/* Length of an Ethernet header, the minimum frame. */
#define FRAME_MIN 14u
/* Buffer size: more than the longest frame. */
#define BUFFER (2u * (LENGTH + FRAME_MAX))

struct stream {
	int fd;
	bool gone;		/* atomic; the stream has ended or is invalid */
	bool dry;		/* the last read emptied the socket */
	char *path;		/* NULL: never reconnected */
	int timer;
	uint64_t wait_ns;
	pthread_mutex_t lock;
	uint32_t connection;	/* atomic, changed under the lock: its number */
	uint32_t kept_for;	/* sending side: the connection of [sent, kept) */
	/* receiving side: bytes [taken, filled) are unread */
	uint32_t taken, filled;
	/* sending side: bytes [sent, kept) are unsent */
	uint32_t sent, kept;
	unsigned char in[BUFFER], out[BUFFER];
};

/* stream_again.c: reconnection */
int virtdev_priv_stream_retry_fd(void *self, uint32_t lane);
int virtdev_priv_stream_retry(void *self, uint32_t lane);

#endif
