/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A network device over a fake link, which the test fills and inspects, with a
 * driver for each queue.
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

/* The ring of queue i, and the buffers of commands. */
#define RIG_RING(i) (0x1000u + 0x4000u * (i))
#define RIG_COMMAND 0x60000u
#define RIG_TABLES 0x70000u	/* indirect tables of one queue */

struct rig_frame {
	uint32_t len;		/* including the header */
	unsigned char *bytes;
};

/* The link: an eventfd that is always readable replaces its descriptor. */
struct fake_link {
	uint32_t lanes;
	int fd;
	unsigned int queued, received, nsent;
	struct rig_frame in[RIG_FRAMES], sent[RIG_FRAMES];
	int receive_code, send_code, flush_code;	/* returned instead of frames */
	/* number of frames accepted before send_code is returned */
	unsigned int send_good;
	bool on[RIG_LANES];
	unsigned int lane_calls;
	bool slow_lanes;	/* each change of a lane takes a whole turn */
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
	/* entries of the indirect table of queues that start from here on */
	uint32_t indirect;
	unsigned int notified, changed, broken, waits;
	uint64_t wait_ns;	/* of the last wait */
};

extern struct net_rig net_rig;

#define RIG_OFFLOADS (VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_GUEST_CSUM |	\
		      VIRTDEV_NET_F_GUEST_TSO4 | VIRTDEV_NET_F_GUEST_TSO6 | \
		      VIRTDEV_NET_F_GUEST_ECN | VIRTDEV_NET_F_HOST_TSO4 | \
		      VIRTDEV_NET_F_HOST_TSO6 | VIRTDEV_NET_F_HOST_UFO | \
		      VIRTDEV_NET_F_HOST_ECN | VIRTDEV_NET_F_HOST_USO)

/* Creates a device with this number of lanes, and starts its queues. */
void net_rig_init(uint32_t lanes, uint64_t features);
/* Creates a device with one lane, all offloads, and blocked addresses. */
void net_rig_init_blocking(enum virtdev_net_block block);
/* Creates a device over a real link of one lane. */
void net_rig_init_over(struct virtdev_net_link *link, uint64_t features);
void net_rig_fini(void);
void net_rig_start(uint32_t queue);
void net_rig_stop(uint32_t queue);
void net_rig_start_all(void);
void net_rig_stop_all(void);

/* Queues a frame of len bytes, without its header, on the link. */
void link_queue_frame(const void *frame, uint32_t len);
/* Queues a frame of bytes that count up from seed, with fixed addresses. */
void link_queue_pattern(uint32_t len, unsigned char seed);

/*
 * Whether a frame to this address passes the filter, with a VLAN tag or (-1)
 * without.
 */
bool passes_filter(const uint8_t *to, int vlan);

/* Adds one buffer to a queue; its cookie is its address. */
void add_buffer(uint32_t queue, uint64_t gpa, uint32_t len, bool writable);
/* The status field of the configuration, as the driver reads it. */
unsigned int card_status(void);
/* Whether the queue has work within timeout milliseconds. */
bool is_ready(uint32_t queue, int timeout);
/* Adds a frame to be sent, with its header in a separate buffer or not. */
void send_frame(const struct virtdev_net_header *h, uint32_t len, bool apart);
/* Serves until no work is left; bounded. */
void serve(uint32_t queue);
/* The length written to the next used buffer, or -1 if none is used. */
int64_t used_length(uint32_t queue, uint64_t *gpa);

/*
 * Adds a command to the control queue; command_answer() serves one turn and
 * returns the ack byte, or -1 if there is none yet.
 */
void command_send(uint8_t command_class, uint8_t number, const void *data,
		  uint32_t len);
int command_answer(void);
/*
 * Runs a command; returns its ack byte, or -1 if none was written, and checks
 * the used length.
 */
int command(uint8_t command_class, uint8_t number, const void *data,
	    uint32_t len);

#endif
