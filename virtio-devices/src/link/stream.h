/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A stream socket with frames behind their lengths, four bytes, most
 * significant first. Both ways go through a buffer, so that one system call
 * carries many frames.
 *
 * The receiving side puts another connection in the place of a lost one, under
 * the same descriptor. The sending side may be in the middle of a frame then: it
 * writes under a lock, and never what it kept for a connection of before.
 */
#ifndef VIRTIO_DEVICES_LINK_STREAM_H
#define VIRTIO_DEVICES_LINK_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/priv.h"

#define LENGTH 4u
#define FRAME_MAX (VIRTDEV_NET_FRAME_MAX - NET_HEADER)
/* An Ethernet header: whatever is shorter is no frame. */
#define FRAME_MIN 14u
/* Room for the longest frame beside others. */
#define BUFFER (2u * (LENGTH + FRAME_MAX))

struct stream {
	int fd;
	bool gone;		/* atomic; the stream is at its end or senseless */
	bool dry;		/* the last bytes that came were all there were */
	char *path;		/* NULL: it is never connected again */
	int timer;
	uint64_t wait_ns;
	pthread_mutex_t lock;
	uint32_t connection;	/* atomic, changed under the lock: which it is */
	uint32_t kept_for;	/* of the sending side: which [sent, kept) is for */
	/* of the receiving side: bytes [taken, filled) are to be looked at */
	uint32_t taken, filled;
	/* of the sending side: bytes [sent, kept) are to be sent */
	uint32_t sent, kept;
	unsigned char in[BUFFER], out[BUFFER];
};

/* stream_again.c: operations of one that is connected again */
int virtdev_priv_stream_retry_fd(void *self, uint32_t lane);
int virtdev_priv_stream_retry(void *self, uint32_t lane);

#endif
