/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared by the tests of the network device: a device over a link that the test
 * fills and looks at, and a driver for each of its queues.
 */
#ifndef VIRTIO_DEVICES_TESTS_NET_RIG_H
#define VIRTIO_DEVICES_TESTS_NET_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/net.h>
#include <virtio-queue/driver.h>
#include <vmm-sys-util/error.h>

#include "guest.h"

#define RIG_LANES 3u
#define RIG_QUEUES (2 * RIG_LANES + 1)
#define RIG_FRAMES 16u
#define RIG_SIZE 64u	/* entries of each queue */
#define HEADER ((uint32_t)sizeof(struct virtdev_net_header))

/* Queue i has its ring there, and commands theirs. */
#define RIG_RING(i) (0x1000u + 0x4000u * (i))
#define RIG_COMMAND 0x60000u
#define RIG_TABLES 0x70000u	/* of one queue */

struct rig_frame {
	uint32_t len;		/* with its header */
	unsigned char *bytes;
};

/* The link: an eventfd stands for its descriptor, always readable. */
struct fake_link {
	uint32_t lanes;
	int fd;
	unsigned int come, taken, nsent;
	struct rig_frame in[RIG_FRAMES], sent[RIG_FRAMES];
	int receive_code, send_code, flush_code;	/* instead of frames */
	unsigned int send_good;	/* frames that still go before send_code */
	bool on[RIG_LANES];
	unsigned int lane_calls;
	bool slow_lanes;	/* a change of a lane takes a whole turn */
	uint64_t offloads;
	int offloads_code;
};

struct net_rig {
	struct guest g;		/* memory only; its queue is not used */
	struct fake_link link;
	struct virtdev *dev;
	struct vq *q[RIG_QUEUES];
	struct vq_driver *driver[RIG_QUEUES];
	uint64_t features;
	uint32_t indirect;	/* entries of a table, for queues started from now */
	unsigned int notified, changed, broken;
};

extern struct net_rig net_rig;

#define RIG_OFFLOADS (VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_GUEST_CSUM |	\
		      VIRTDEV_NET_F_GUEST_TSO4 | VIRTDEV_NET_F_GUEST_TSO6 | \
		      VIRTDEV_NET_F_GUEST_ECN | VIRTDEV_NET_F_HOST_TSO4 | \
		      VIRTDEV_NET_F_HOST_TSO6 | VIRTDEV_NET_F_HOST_UFO | \
		      VIRTDEV_NET_F_HOST_ECN | VIRTDEV_NET_F_HOST_USO)

/* A device over so many lanes, and queues that run; all of them as needed. */
void net_rig_init(uint32_t lanes, uint64_t features);
/* The same over a real link of one lane. */
void net_rig_init_over(struct virtdev_net_link *link, uint64_t features);
void net_rig_fini(void);
void net_rig_start(uint32_t queue);
void net_rig_stop(uint32_t queue);

/* The link has another frame, of len bytes behind its header. */
void link_gets(const void *frame, uint32_t len);
/* The same, of bytes that count up from seed, to an address and from one. */
void link_gets_pattern(uint32_t len, unsigned char seed);

/* One more buffer of queue; cookie is its address. */
void give(uint32_t queue, uint64_t gpa, uint32_t len, bool writable);
/* The card's status, as the driver reads it. */
unsigned int card_status(void);
/* There is something to do for the queue, within so many milliseconds. */
bool is_ready(uint32_t queue, int timeout);
/* A frame to be sent, its header apart from it or not. */
void send_frame(const struct virtdev_net_header *h, uint32_t len, bool apart);
/* Serves until there is nothing to do; bounded. */
void serve(uint32_t queue);
/* The bytes that the next buffer came back with, or -1 when none did. */
int64_t back(uint32_t queue, uint64_t *gpa);

/* Adds a command to the control queue; its answer after a turn, or -1 while there is none. */
void command_send(uint8_t command_class, uint8_t number, const void *data,
		  uint32_t len);
int command_answer(void);
/* A command; its answer, or -1 when none came, and what was said to be used. */
int command(uint8_t command_class, uint8_t number, const void *data,
	    uint32_t len);

#endif
