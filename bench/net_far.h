/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The host's end of a network device's link, and the calls of both ends alone. */
#ifndef BENCH_NET_FAR_H
#define BENCH_NET_FAR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_FAR_BATCH 32u
#define NET_FAR_KINDS 3u

struct net_far;

struct net_far_kind {
	const char *name;
	bool (*open)(struct net_far *far);
	/* the host's end: sends n frames, or takes as many */
	void (*give)(const struct net_far *far, unsigned int n);
	void (*take)(const struct net_far *far, unsigned int n);
	/* the system calls of a device's end, without a device */
	void (*send_bare)(const struct net_far *far, unsigned int n);
	void (*receive_bare)(const struct net_far *far, unsigned int n);
};

struct net_far {
	const struct net_far_kind *kind;
	int near, fd;			/* the device's end, and the host's */
	uint32_t len;			/* of a frame */
	unsigned int batch;
	unsigned char *frame;		/* behind its header */
	unsigned char *bytes, *room;	/* a batch to send; room for one */
	/* a batch as messages, each with memory of its own: to send, to receive */
	struct mmsghdr outgoing[NET_FAR_BATCH], incoming[NET_FAR_BATCH];
	struct iovec pieces[2 * NET_FAR_BATCH];
};

extern const struct net_far_kind net_far_kinds[NET_FAR_KINDS];

/* False, and says why, where this user can have none. */
bool net_far_open(struct net_far *far, const struct net_far_kind *kind,
		  uint32_t len);
void net_far_close(struct net_far *far);

#endif
