/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Persistent memory from within: its queue, whose requests are flushes. */
#ifndef VIRTIO_DEVICES_PMEM_PRIV_H
#define VIRTIO_DEVICES_PMEM_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/pmem.h>
#include <virtio-queue/queue.h>

#include "disk/priv.h"

/* Pieces of a request of which there are two, or some more if it is odd. */
#define PIECES 8u

struct request {
	struct vq_chain chain;
	struct request *next;
	struct iovec pieces[PIECES];
};

struct pmem {
	struct virtdev *dev;
	struct virtdev_disk *disk;
	uint64_t len;
	struct vq *q;			/* while it runs */
	void *channel;
	struct virtdev_disk_request flush;
	bool flying;			/* the flush is under way: */
	struct request *served;		/* for these, */
	struct request *waiting;	/* and not for these */
	struct request *pool, *free;	/* one for each entry of the queue */
	uint32_t taken;			/* of the pool */
	bool told_broken;
	uint64_t flushes, requests;	/* atomic; ever */
};

/* flush.c: the operations of a queue that was started. */
int virtdev_priv_pmem_serve(void *self, uint32_t queue);
int virtdev_priv_pmem_drain(void *self, uint32_t queue);

#endif
