/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory device: its object, and the operations of its queue. */
#ifndef VIRTIO_DEVICES_MEM_PRIV_H
#define VIRTIO_DEVICES_MEM_PRIV_H

#include <virtio-queue/turn.h>

#include "mem/blocks.h"

#define MEM_REGION 0u

/* A request that changes blocks, from its pop to its response. */
struct mem_job {
	bool runs;
	uint16_t refusal;	/* the response if the change fails */
	struct virtdev_priv_change change;
	struct vq_chain chain;
	struct iovec pieces[VQ_TURN_PIECES];
};

struct mem {
	struct virtdev *dev;
	struct vq *q;		/* NULL: stopped */
	uint64_t requested;	/* bytes; atomic, any thread may read */
	struct virtdev_priv_blocks blocks;
	struct mem_job job;
	bool reported;		/* that freeing memory failed */
	bool held;		/* requests that change blocks are answered with BUSY */
};

/* Operations of the device's queue; see struct virtdev_ops. */
int virtdev_priv_mem_start(void *self, uint32_t queue, struct vq *q,
			   struct vsu_error *err);
int virtdev_priv_mem_serve(void *self, uint32_t queue);
int virtdev_priv_mem_drain(void *self, uint32_t queue);
void virtdev_priv_mem_stop(void *self, uint32_t queue);

#endif
