/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Internal types of the persistent memory device. */
#ifndef VIRTIO_DEVICES_PMEM_PRIV_H
#define VIRTIO_DEVICES_PMEM_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/pmem.h>
#include <virtio-queue/queue.h>

#include "disk/priv.h"

/* Maximum pieces of a request; drivers use two. */
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
	struct vq *q;			/* NULL: stopped */
	void *channel;
	struct virtdev_disk_request flush;
	bool flying;			/* a flush is in progress */
	struct request *served;		/* completed by that flush */
	struct request *waiting;	/* need a later flush */
	struct request *pool, *free;	/* one for each entry of the queue */
	uint32_t taken;			/* in use, of the pool */
	bool abandoned;			/* the queue stopped during the flush */
	bool told_broken;
	uint64_t flushes, requests;	/* atomic; totals */
};

/* flush.c: operations of a running queue. */
int virtdev_priv_pmem_serve(void *self, uint32_t queue);
int virtdev_priv_pmem_drain(void *self, uint32_t queue);

/* Identifies devices of this model. */
uint32_t virtdev_priv_pmem_stats(void *self, struct virtdev_stat *stats, uint32_t max);

#endif
