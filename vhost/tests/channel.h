/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A rig whose back-end has shared memory regions, and the front-end's end of
 * its back-end channel.
 */
#ifndef TESTS_CHANNEL_H
#define TESTS_CHANNEL_H

#include <vhost/shmem.h>

#include "rig.h"

#define FRONT_PAGE 4096u /* every page size of these tests' hosts is a multiple */
#define FRONT_REGION (1u << 20)

/* Regions 0 and 3, of one and four times FRONT_REGION. */
extern const uint64_t front_sizes[4];

struct front {
	struct rig r;
	int channel;		/* the front-end's end */
};

/* A request that arrived on the channel; its descriptor, or -1. */
struct asked {
	struct vhost_user_header hdr;
	struct vhost_user_shmem_mmap m;
	int fd;
};

void front_prepare(struct front *f);
/* A new channel, in the place of the one before. */
void front_give_channel(struct front *f);
/* All of it, with rings 0 and 1 running. */
void front_init(struct front *f);
/* Agrees on everything but REPLY_ACK: nothing is answered from now on. */
void front_end_acknowledgements(struct front *f);
void front_fini(struct front *f);
/* Reads one request, if there is one. */
bool front_next(struct front *f, struct asked *a);
/* Answers one, and lets the back-end read the answer. */
void front_reply(struct front *f, uint32_t request, uint64_t value);

#endif
