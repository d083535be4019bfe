/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Resources of a block device's queue: its pool of requests and its disk channel. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include <virtio-devices/report.h>

#include "blk/priv.h"

/* Maximum descriptors walked in one turn: 1 to 2 ms. */
#define BLK_TURN_DESCRIPTORS (1u << 20)

/*
 * Requests of a blocking disk per turn: enough to spread the cost of a notification,
 * few enough to wait for.
 */
#define BLK_BLOCKING_BATCH 8u

/*
 * Requests are large and usually few of them are in use. A fresh mapping has no pages
 * until they are touched; reused malloc() memory has, and huge pages are populated as
 * a whole.
 */
static int map_pool(struct blk_queue *q)
{
	size_t len = q->size * sizeof(*q->pool);
	void *pool = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pool == MAP_FAILED)
		return -errno;
	(void)madvise(pool, len, MADV_NOHUGEPAGE);
	q->pool = pool;
	return 0;
}

static int open_channel(struct blk_queue *q, uint32_t depth,
			struct vsu_error *err)
{
	struct virtdev_disk *disk = q->blk->disk;

	return q->channel ? 0 : disk->ops.channel_open(disk->self, depth,
						       &q->channel, err);
}

static void close_channel(struct blk_queue *q)
{
	struct virtdev_disk *disk = q->blk->disk;

	if (q->channel)
		disk->ops.channel_close(disk->self, q->channel);
	q->channel = NULL;
}

void virtdev_priv_blk_queue_close(struct blk_queue *q)
{
	if (!q->blk->early_channels)
		close_channel(q);
	if (q->pool)
		munmap(q->pool, q->size * sizeof(*q->pool));
	q->pool = q->free = NULL;
	q->q = NULL;
}

/* Limits a turn to one or two milliseconds for chains of maximum length. */
static uint32_t requests_per_turn(const struct blk_queue *q)
{
	uint32_t longest = virtdev_get_info(q->blk->dev)->max_chain;
	uint32_t n;

	if (virtdev_priv_disk_info(q->blk->disk)->blocks)
		return BLK_BLOCKING_BATCH;
	if (longest < q->size)
		longest = q->size;
	n = BLK_TURN_DESCRIPTORS / longest;
	return n < q->size ? n : q->size;
}

int virtdev_priv_blk_queue_open(struct blk_queue *q, struct vq *vq,
				struct vsu_error *err)
{
	int rc;

	q->size = vq_size(vq);
	q->fresh = q->inflight = 0;
	q->bytes = 0;
	q->reported_broken = false;
	q->per_turn = requests_per_turn(q);
	rc = map_pool(q);
	if (rc < 0)
		return vsu_error_sys(err, rc, "requests of queue %u",
				     q->index);
	return open_channel(q, q->size, err);
}

int virtdev_priv_blk_channels_open(struct blk *blk, uint32_t depth,
				   struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && blk->early_channels && i < blk->nqueues; i++)
		rc = open_channel(&blk->queues[i], depth, err);
	return rc;
}

void virtdev_priv_blk_channels_close(struct blk *blk)
{
	uint32_t i;

	for (i = 0; i < blk->nqueues; i++)
		close_channel(&blk->queues[i]);
}

void virtdev_priv_blk_report_broken(struct blk_queue *q)
{
	if (q->reported_broken || !vq_broken(q->q))
		return;
	q->reported_broken = true;
	virtdev_queue_broken(q->blk->dev, q->index);
}

/*
 * The server did not drain the queue. The disk still uses the requests and the channel,
 * so both stay until it has finished; the chains belong to a broken queue.
 */
void virtdev_priv_blk_abandon(struct blk_queue *q)
{
	struct vsu_error what;

	vsu_error_set(&what, -EBUSY,
		      "queue %" PRIu32 " was stopped with %" PRIu32 " requests in flight; they are abandoned, and the queue is broken",
		      q->index, q->inflight);
	virtdev_report(q->blk->dev, &what);
	vq_break(q->q);
	virtdev_priv_blk_report_broken(q);
	q->abandoned = q->inflight;
	q->q = NULL;
}

int virtdev_priv_blk_forget_abandoned(struct blk_queue *q, struct vsu_error *err)
{
	struct virtdev_disk *disk = q->blk->disk;

	while (q->abandoned && disk->ops.reap(disk->self, q->channel))
		if (!--q->abandoned)
			virtdev_priv_blk_queue_close(q);
	return q->abandoned ? vsu_error_set(err, -EBUSY,
			"queue %" PRIu32 ": %" PRIu32 " requests from before it was stopped are in flight",
			q->index, q->abandoned) : 0;
}
