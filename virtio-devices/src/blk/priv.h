/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The block device from within.
 *
 *   blk      the device: its disk, its configuration, its queues
 *   queue    one virtqueue with a channel to the disk and a pool of requests
 *   request  one chain on its way, from pop to push
 */
#ifndef VIRTIO_DEVICES_BLK_PRIV_H
#define VIRTIO_DEVICES_BLK_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/blk_layout.h>
#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>

#include "disk/priv.h"

/* Ranges of one discard or write-zeroes request, and how long one may be. */
#define BLK_MAX_RANGES 16u
#define BLK_MAX_DISCARD_SECTORS (UINT32_C(1) << 22)	/* 2 GiB */
#define BLK_MAX_ZERO_SECTORS (UINT32_C(1) << 17)	/* 64 MiB */

/*
 * Pieces of a chain: a buffer that crosses guest memory regions takes one for
 * each, so there are some more than descriptors.
 */
#define BLK_PIECES (VIRTDEV_BLK_SEG_MAX + 2 + 32)

/* Numbers of a queue, of all its life; written on its thread alone. */
enum blk_count { BLK_READS, BLK_WRITES, BLK_FLUSHES, BLK_DISCARDS, BLK_ZEROES, BLK_FAILED,
		 BLK_BYTES_READ, BLK_BYTES_WRITTEN, BLK_COUNTS };

/* Kinds that whoever runs the program is told of, each by itself. */
enum blk_trouble { BLK_NO_SPACE, BLK_HOST_FAILS, BLK_TROUBLES };

struct blk_request {
	struct vq_chain chain;
	struct virtdev_disk_request disk;
	struct vq_cursor status;	/* of the status byte */
	struct blk_request *next;	/* while free */
	uint64_t bytes;			/* of the chain's buffers */
	bool through;			/* a flush has to follow */
	enum blk_count kind;		/* BLK_COUNTS: one that is not counted */
	uint32_t nranges, range;	/* all, and the one under way */
	struct virtdev_blk_range ranges[BLK_MAX_RANGES];
	/* the chain's own, and behind them those that the disk works on */
	struct iovec pieces[2 * BLK_PIECES];
};

struct blk_queue {
	struct blk *blk;
	struct vq *q;			/* NULL: stopped */
	void *channel;			/* NULL: none; kept while stopped, if early */
	uint32_t index;
	uint32_t size;			/* requests in the pool */
	uint32_t fresh;			/* of which so many were ever used */
	uint32_t per_turn;		/* requests that one turn takes */
	uint32_t inflight;
	uint64_t bytes;			/* of the requests in flight */
	bool told_broken;
	uint64_t counts[BLK_COUNTS];	/* atomic */
	struct blk_request *pool, *free;
};

struct blk {
	struct virtdev *dev;
	struct virtdev_disk *disk;
	uint64_t features;		/* acknowledged */
	bool negotiated;		/* features were told since the reset */
	bool early_channels;		/* opened with the device, closed with it */
	bool writethrough;		/* what writeback is not, in the beginning */
	bool writeback;			/* as the configuration shows it */
	bool through;			/* atomic; writes are flushed */
	struct virtdev_blk_space config;
	char id[VIRTDEV_BLK_ID_LEN];		/* padded with zeros, maybe unterminated */
	unsigned int troubles;		/* atomic; bits of those that were told */
	uint64_t failed_at[BLK_TROUBLES]; /* atomic; ns, the last time */
	uint32_t nqueues;
	struct blk_queue queues[];
};

/* blk_config.c */
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

/* health.c: the disk answered with an error, or did what was asked, now. */
void virtdev_priv_blk_failed(struct blk *blk, int code, uint64_t now);
/* Of use where there is trouble. */
void virtdev_priv_blk_worked(struct blk *blk, enum virtdev_disk_op op,
			     uint64_t now);

/* queue.c: the pool of requests and the disk channel of a queue */
int virtdev_priv_blk_queue_open(struct blk_queue *q, struct vq *vq,
				struct vsu_error *err);
void virtdev_priv_blk_queue_close(struct blk_queue *q);
/* Channels of disks that are opened with the device (early_channels). */
int virtdev_priv_blk_channels_open(struct blk *blk, uint32_t depth,
				   struct vsu_error *err);
void virtdev_priv_blk_channels_close(struct blk *blk);

/* blk_request.c */

/* Begins on a chain that was popped: it is queued to the disk, or done. */
void virtdev_priv_blk_begin(struct blk_queue *q, struct blk_request *request);

/* The disk has finished a request: its next part is queued, or it is done. */
void virtdev_priv_blk_disk_done(struct blk_queue *q,
				struct virtdev_disk_request *disk);

static inline void virtdev_priv_blk_count(struct blk_queue *q,
					  enum blk_count what, uint64_t n)
{
	__atomic_store_n(&q->counts[what], q->counts[what] + n,
			 __ATOMIC_RELAXED);
}

/* A request whose storage is warm, or one that was never used, or NULL. */
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
