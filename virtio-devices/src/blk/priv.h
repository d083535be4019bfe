/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Internals of the block device.
 *
 *   blk      the device: disk, configuration and queues
 *   queue    a virtqueue with a channel to the disk and a pool of requests
 *   request  a chain between pop and push
 */
#ifndef VIRTIO_DEVICES_BLK_PRIV_H
#define VIRTIO_DEVICES_BLK_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/blk_layout.h>
#include <virtio-devices/latency.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/event.h>

#include "disk/priv.h"

/* Maximum ranges of a discard or write-zeroes request, and their lengths. */
#define BLK_MAX_RANGES 16u
#define BLK_MAX_DISCARD_SECTORS (UINT32_C(1) << 22)	/* 2 GiB */
#define BLK_MAX_ZERO_SECTORS (UINT32_C(1) << 17)	/* 64 MiB */

/*
 * Pieces of a chain. Buffers that cross memory regions are split, so there may be more
 * pieces than descriptors.
 */
#define BLK_PIECES (VIRTDEV_BLK_SEG_MAX + 2 + 32)

/* Statistics of a queue; written on its thread only. The first are kinds of requests. */
enum blk_count { BLK_READS, BLK_WRITES, BLK_FLUSHES, BLK_DISCARDS, BLK_ZEROES, BLK_FAILED,
		 BLK_BYTES_READ, BLK_BYTES_WRITTEN, BLK_COUNTS };

/* Kinds of errors that are reported separately. */
enum blk_trouble { BLK_NO_SPACE, BLK_HOST_FAILS, BLK_TROUBLES };

struct blk_request {
	struct vq_chain chain;
	struct virtdev_disk_request disk;
	struct vq_cursor status;	/* the status byte */
	struct blk_request *next;	/* while free */
	uint64_t bytes;			/* of the chain's buffers */
	uint64_t popped;		/* if measured: the queue's now at its pop */
	bool through;			/* write-through: followed by a flush */
	enum blk_count kind;		/* BLK_COUNTS: not counted */
	uint32_t nranges, range;	/* total, and index of the current one */
	struct virtdev_blk_range ranges[BLK_MAX_RANGES];
	/* the chain's pieces, followed by those of the disk request */
	struct iovec pieces[2 * BLK_PIECES];
};

struct blk_queue {
	struct blk *blk;
	struct vq *q;			/* NULL: stopped */
	void *channel;			/* may be NULL; kept while stopped with early_channels */
	uint32_t index;
	uint32_t size;			/* requests in the pool */
	uint32_t fresh;			/* requests of the pool from here on were never used */
	uint32_t per_turn;		/* maximum requests popped in a turn */
	uint32_t inflight;
	uint32_t abandoned;		/* requests in flight when the queue stopped */
	uint64_t bytes;			/* of the requests in flight */
	bool reported_broken;
	uint64_t counts[BLK_COUNTS];	/* atomic */
	struct virtdev_measured *measured; /* NULL: nothing is measured */
	uint64_t now;			/* if measured: virtdev_priv_blk_read_clock() */
	struct blk_request *pool, *free;
};

struct blk {
	struct virtdev *dev;
	struct virtdev_disk *disk;
	struct virtdev_rate *rate;
	uint64_t features;		/* acknowledged */
	bool negotiated;		/* since the last reset */
	bool early_channels;		/* opened with the device, closed with it */
	bool writethrough;		/* initial value of writeback is its inverse */
	bool writeback;			/* the field in configuration space */
	bool through;			/* atomic; writes are flushed */
	struct virtdev_blk_space config;
	char id[VIRTDEV_BLK_ID_LEN];		/* zero-padded, may be unterminated */
	unsigned int troubles;		/* atomic; bit mask of reported kinds */
	uint64_t failed_at[BLK_TROUBLES]; /* atomic; time of the last error, ns */
	uint32_t nqueues;
	struct blk_queue queues[];
};

/* config.c */
void virtdev_priv_blk_config_init(struct blk *blk, uint32_t seg_max);
void virtdev_priv_blk_config_reset(struct blk *blk);
uint64_t virtdev_priv_blk_features(const struct blk *blk);
int virtdev_priv_blk_set_features(void *self, uint64_t features,
				  struct vsu_error *err);
void virtdev_priv_blk_config_read(void *self, uint32_t off, void *buf,
				  uint32_t len);
int virtdev_priv_blk_config_write(void *self, uint32_t off, const void *buf,
				  uint32_t len);
void virtdev_priv_blk_state_save(void *self, struct virtdev_state_writer *w);
int virtdev_priv_blk_state_load(void *self, uint32_t version,
				struct virtdev_state_reader *r,
				struct vsu_error *err);
uint32_t virtdev_priv_blk_stats(void *self, struct virtdev_stat *stats,
				uint32_t max);

/* health.c: a disk request failed with code at time now. */
void virtdev_priv_blk_failed(struct blk *blk, int code, uint64_t now);
/* A disk request succeeded; no effect without earlier errors. */
void virtdev_priv_blk_worked(struct blk *blk, enum virtdev_disk_op op,
			     uint64_t now);

/* queue.c: the pool of requests and the disk channel of a queue */
int virtdev_priv_blk_queue_open(struct blk_queue *q, struct vq *vq,
				struct vsu_error *err);
void virtdev_priv_blk_queue_close(struct blk_queue *q);
/* Reports once that the queue is broken. */
void virtdev_priv_blk_report_broken(struct blk_queue *q);
/* Stops the queue although requests are in flight. */
void virtdev_priv_blk_abandon(struct blk_queue *q);
/* Discards the results of abandoned requests. -EBUSY: some are still in flight. */
int virtdev_priv_blk_forget_abandoned(struct blk_queue *q, struct vsu_error *err);
/* Channels of disks that are opened with the device (early_channels). */
int virtdev_priv_blk_channels_open(struct blk *blk, uint32_t depth,
				   struct vsu_error *err);
void virtdev_priv_blk_channels_close(struct blk *blk);

/* request.c */

/* Starts a popped chain: queues it to the disk or completes it. */
void virtdev_priv_blk_begin(struct blk_queue *q, struct blk_request *request);

/* The disk completed a request: queues its next part or completes the chain. */
void virtdev_priv_blk_disk_done(struct blk_queue *q,
				struct virtdev_disk_request *disk);

static inline void virtdev_priv_blk_count(struct blk_queue *q,
					  enum blk_count what, uint64_t n)
{
	__atomic_store_n(&q->counts[what], q->counts[what] + n,
			 __ATOMIC_RELAXED);
}

/* Time of requests that are popped or completed from here on. */
static inline void virtdev_priv_blk_read_clock(struct blk_queue *q)
{
	if (q->measured)
		q->now = vsu_now_ns();
}

/* Prefers recently used requests, whose pages are populated. NULL: none free. */
static inline struct blk_request *virtdev_priv_blk_get(struct blk_queue *q)
{
	struct blk_request *r = q->free;

	if (r) {
		q->free = r->next;
	} else if (q->fresh < q->size) {
		r = &q->pool[q->fresh++];
		r->chain.iov = r->pieces;
		r->chain.iov_max = BLK_PIECES;
	} else {
		return NULL;
	}
	r->bytes = 0;
	q->inflight++;
	return r;
}

static inline void virtdev_priv_blk_put(struct blk_queue *q,
					struct blk_request *r)
{
	q->bytes -= r->bytes;
	r->next = q->free;
	q->free = r;
	q->inflight--;
}

#endif
