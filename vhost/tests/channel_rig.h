/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A rig whose back-end has shared memory regions, and the front-end's end of
 * its back-end channel.
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

/* A request that arrived on the channel; its descriptor, or -1. */
struct asked {
	struct vhost_user_header hdr;
	struct vhost_user_shmem_mmap m;
	int fd;
};

void channel_prepare(struct channel_rig *f);
/* A new channel, in the place of the one before. */
void channel_renew(struct channel_rig *f);
/* All of it, with rings 0 and 1 running. */
void channel_init(struct channel_rig *f);
/* Agrees on everything but REPLY_ACK: nothing is answered from now on. */
void channel_end_acknowledgements(struct channel_rig *f);
void channel_fini(struct channel_rig *f);
/* Reads one request, if there is one. */
bool channel_next(struct channel_rig *f, struct asked *a);
/* Answers one, and lets the back-end read the answer. */
void channel_reply(struct channel_rig *f, uint32_t request, uint64_t value);

#endif
