/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest of fuzz-net and the link of its device. */
#ifndef FUZZ_NET_GUEST_H
#define FUZZ_NET_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/net.h>
#include <virtio-queue/driver.h>

#include "memory.h"

#define LANES		2u
#define QUEUES		(2 * LANES + 1)
#define QUEUE_SIZE	16u
#define RING_GPA(i)	(0x1000u * (i))
#define HEADERS_GPA	0x10000u
#define MAX_HELD	64u

enum { SENT, LOST, RECEIVED, EMPTY, OBEYED, REFUSED, BROKEN, NREACHED };

extern uint64_t reached[NREACHED];

struct guest {
	struct memory memory;
	struct virtdev *dev;
	uint64_t features;
	struct vq *q[QUEUES];
	struct vq_driver *driver[QUEUES];
	uint32_t writable[QUEUES][MAX_HELD];
	unsigned int nheld[QUEUES];
	/* the link */
	int fd, receive_code, send_code;
	uint32_t batch_most;	/* number of frames of a batch that the link processes */
	uint32_t lengths[16], nlengths;
	bool blocks;		/* the card must drop frames to loopback addresses */
};

/*
 * A link that checks each frame of its guest. batches: the link accepts several frames in
 * one call.
 */
struct virtdev_net_link *fuzz_net_link(struct guest *g, bool batches);

#endif
