/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end session with shared memory regions, and the front-end's end of its
 * back-end channel.
 */
#ifndef TESTS_CHANNEL_RIG_H
#define TESTS_CHANNEL_RIG_H

#include <vhost/shmem.h>

#include "rig.h"

#define CHANNEL_PAGE 4096u /* every page size of these tests' hosts is a multiple */
#define CHANNEL_REGION (1u << 20)

/* Regions 0 and 3, of one and four times CHANNEL_REGION. */
extern const uint64_t channel_sizes[4];

struct channel_rig {
	struct rig r;
	int channel;		/* the front-end's end */
};

/* A request read from the back-end channel, and its descriptor or -1. */
struct channel_request {
	struct vhost_user_header hdr;
	struct vhost_user_shmem_mmap m;
	int fd;
};

void channel_prepare(struct channel_rig *f);
/* Replaces the back-end channel by a new one. */
void channel_renew(struct channel_rig *f);
/* Calls channel_prepare(), negotiates all features and starts rings 0 and 1. */
void channel_init(struct channel_rig *f);
/*
 * Negotiates all features except REPLY_ACK: later requests get no
 * acknowledgement.
 */
void channel_end_acknowledgements(struct channel_rig *f);
void channel_fini(struct channel_rig *f);
/* Reads one request; false if none is waiting. */
bool channel_next(struct channel_rig *f, struct channel_request *a);
/*
 * Replies to one request, and dispatches the back-end until it has read the
 * reply.
 */
void channel_reply(struct channel_rig *f, uint32_t request, uint64_t value);

#endif
