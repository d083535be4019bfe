/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block device: its queues, and the turns in which they are served. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vmm-sys-util/sized.h>

#include "blk/priv.h"

#define BLK_DEVICE_ID 2u
#define BLK_MAX_QUEUES 256u
#define BLK_DEFAULT_QUEUE 1024u

/*
 * Limits of one turn, before others have theirs: bytes that the disk copies
 * within it, and descriptors that are walked. Both are a millisecond or two.
 */
#define BLK_TURN_BYTES (UINT64_C(8) << 20)
#define BLK_TURN_DESCRIPTORS (1u << 20)

/*
 * Bytes of requests in flight from which on no other is taken: more than any
 * disk needs to be busy, and not longer than one can wait for a queue to be
 * drained. A single request may be longer by itself.
 */
#define BLK_INFLIGHT_BYTES (UINT64_C(64) << 20)

/*
 * Requests that a disk that blocks takes before their answers are published:
 * enough to spread the cost of a notification, few enough to wait for.
 */
#define BLK_BLOCKING_BATCH 8u

/* Parts of requests that follow each other within one turn. */
#define BLK_KICK_ROUNDS 32u

static void disk_reap(struct blk_queue *q)
{
	struct virtdev_disk *disk = q->blk->disk;
	struct virtdev_disk_request *done;

	while ((done = disk->ops.reap(disk->self, q->channel)))
		virtdev_priv_blk_disk_done(q, done);
}

/*
 * Until the disk has all requests and none of them is finished, or the budget
 * of bytes is used up: what finishes at once may queue a next part. A kick that
 * found nothing comes last, so that nothing is left queued. 0, or -EAGAIN when
 * there is something to hand over or to reap that no descriptor will tell of.
 */
static int kick_and_reap(struct blk_queue *q, uint64_t *budget)
{
	struct virtdev_disk *disk = q->blk->disk;
	unsigned int rounds = BLK_KICK_ROUNDS;
	int rc;

	do {
		rc = disk->ops.kick(disk->self, q->channel, budget);
		if (rc != 0)
			disk_reap(q);
	} while (rc > 0 && --rounds);
	return rc ? -EAGAIN : 0;
}

static void queue_publish(struct blk_queue *q)
{
	if (vq_publish(q->q))
		virtdev_notify(q->blk->dev, q->index);
}

static void tell_if_broken(struct blk_queue *q)
{
	if (q->told_broken || !vq_broken(q->q))
		return;
	q->told_broken = true;
	virtdev_queue_broken(q->blk->dev, q->index);
}

static bool is_full(const struct blk_queue *q)
{
	return q->inflight == q->size || q->bytes >= BLK_INFLIGHT_BYTES;
}

/* The rest of a turn, before others have theirs. */
struct turn {
	uint32_t requests;	/* to be taken */
	uint64_t bytes;		/* to be moved */
};

/*
 * A disk is handed what was taken whenever it has twice as much to do as
 * before: the first two requests at once, and it works where it would be idle
 * while others are taken; then so many that it is still at work when the next
 * come. That is a few calls, however many there are. One alone, which it might
 * be done with too soon, is followed by the rest of the turn.
 */
static bool has_doubled(uint32_t n)
{
	return n > 1 && !(n & (n - 1));
}

/*
 * Takes chains until the ring is empty (0), or the turn is over (1). -EBUSY:
 * requests have to finish before others are taken.
 */
static int chain_take(struct blk_queue *q, struct turn *left)
{
	struct virtdev_disk *disk = q->blk->disk;
	struct blk_request *r;
	int rc;

	for (; left->requests; left->requests--) {
		if (is_full(q))
			return -EBUSY;
		r = virtdev_priv_blk_get(q);
		rc = vq_pop(q->q, &r->chain);
		if (rc != 1) {
			virtdev_priv_blk_put(q, r);
			return rc;
		}
		/* the one in hand is left for the kick that ends the turn */
		if (has_doubled(q->inflight - 1))
			disk->ops.kick(disk->self, q->channel, &left->bytes);
		virtdev_priv_blk_begin(q, r);
	}
	return 1;
}

static int queue_turn(struct blk_queue *q, struct turn *left)
{
	int rc, kicked;

	disk_reap(q);
	vq_disable_notify(q->q);
	rc = chain_take(q, left);
	kicked = kick_and_reap(q, &left->bytes);
	queue_publish(q);
	if (rc == -EBUSY)
		rc = is_full(q) ? 0 : 1;
	else if (rc < 0)
		tell_if_broken(q);
	return kicked < 0 ? 1 : rc;
}

static int blk_queue_serve(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	struct turn left = { 0, BLK_TURN_BYTES };
	int rc;

	if (!q->q)
		return 0;
	left.requests = q->per_turn;
	do {
		rc = queue_turn(q, &left);
	} while (rc == 0 && !is_full(q) && vq_enable_notify(q->q));
	if (rc == -EAGAIN)
		return virtdev_queue_missed(q->blk->dev, queue);
	return rc > 0;
}

static int blk_queue_drain(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	uint64_t budget = BLK_TURN_BYTES;
	int rc;

	if (!q->q)
		return 0;
	disk_reap(q);
	rc = kick_and_reap(q, &budget);
	queue_publish(q);
	return q->inflight && rc < 0 ? rc : (int)q->inflight;
}

/*
 * Requests are large and few of them are in use as a rule. Fresh mappings have
 * no pages where they were not touched; what malloc() gives again has, and huge
 * pages would be taken as a whole.
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

static void close_queue(struct blk_queue *q)
{
	struct virtdev_disk *disk = q->blk->disk;

	if (q->channel)
		disk->ops.channel_close(disk->self, q->channel);
	if (q->pool)
		munmap(q->pool, q->size * sizeof(*q->pool));
	q->pool = q->free = NULL;
	q->channel = NULL;
	q->q = NULL;
}

/* Chains of the longest kind are walked for a millisecond or two in a turn. */
static uint32_t requests_per_turn(const struct blk_queue *q)
{
	uint32_t longest = virtdev_info(q->blk->dev)->max_chain;
	uint32_t n;

	if (virtdev_disk_info(q->blk->disk)->blocks)
		return BLK_BLOCKING_BATCH;
	if (longest < q->size)
		longest = q->size;
	n = BLK_TURN_DESCRIPTORS / longest;
	return n < q->size ? n : q->size;
}

static int open_queue(struct blk_queue *q, struct vq *vq, struct vsu_error *err)
{
	struct virtdev_disk *disk = q->blk->disk;
	int rc;

	q->size = vq_size(vq);
	q->fresh = q->inflight = 0;
	q->bytes = 0;
	q->told_broken = false;
	q->per_turn = requests_per_turn(q);
	rc = map_pool(q);
	if (rc < 0)
		return vsu_error_sys(err, rc, "requests of queue %u",
				     q->index);
	return disk->ops.channel_open(disk->self, q->size, &q->channel, err);
}

static int blk_queue_start(void *self, uint32_t queue, struct vq *vq,
			   struct vsu_error *err)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	int rc;

	if (q->q)
		return vsu_error_set(err, -EBUSY, "queue %u was started",
				     queue);
	rc = open_queue(q, vq, err);
	if (rc < 0) {
		close_queue(q);
		return rc;
	}
	q->q = vq;
	return 0;
}

static void blk_queue_stop(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];

	assert(!q->inflight);
	close_queue(q);
}

static int blk_queue_host_fd(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	struct virtdev_disk *disk = q->blk->disk;

	return q->channel ? disk->ops.channel_fd(disk->self, q->channel) : -1;
}

static bool blk_queue_blocks(void *self)
{
	return virtdev_disk_info(((struct blk *)self)->disk)->blocks;
}

static void blk_reset(void *self)
{
	virtdev_priv_blk_config_reset(self);
}

static void blk_free(void *self)
{
	struct blk *blk = self;

	virtdev_disk_free(blk->disk);
	free(blk);
}

static const struct virtdev_ops blk_ops = {
	.size = sizeof(blk_ops),
	.name = "blk",
	.set_features = virtdev_priv_blk_set_features,
	.config_read = virtdev_priv_blk_config_read,
	.config_write = virtdev_priv_blk_config_write,
	.queue_start = blk_queue_start,
	.queue_serve = blk_queue_serve,
	.queue_drain = blk_queue_drain,
	.queue_stop = blk_queue_stop,
	.queue_host_fd = blk_queue_host_fd,
	.queue_blocks = blk_queue_blocks,
	.reset = blk_reset,
	.free = blk_free,
	.state_version = 1,
	.state_save = virtdev_priv_blk_state_save,
	.state_load = virtdev_priv_blk_state_load,
	.stats = virtdev_priv_blk_stats,
};

/* The configuration with its defaults filled in, or -EINVAL. */
static int read_config(const struct virtdev_blk_config *config,
		       struct virtdev_blk_config *c, struct vsu_error *err)
{
	int rc = vsu_copy_sized(c, sizeof(*c), config,
				"struct virtdev_blk_config", err);

	if (rc < 0)
		return rc;
	c->nqueues = c->nqueues ? c->nqueues : 1;
	c->queue_max = c->queue_max ? c->queue_max : BLK_DEFAULT_QUEUE;
	if (!c->disk)
		return vsu_error_set(err, -EINVAL, "blk: no disk");
	if (c->nqueues > BLK_MAX_QUEUES)
		return vsu_error_set(err, -EINVAL,
				     "blk: %u queues, at most %u",
				     c->nqueues, BLK_MAX_QUEUES);
	if (c->queue_max < 4 || c->queue_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "blk: queue size %u is not within 4 and %u",
				     c->queue_max, VQ_MAX_SIZE);
	return 0;
}

static struct blk *blk_make(const struct virtdev_blk_config *c, uint32_t seg_max)
{
	struct blk *blk = calloc(1, sizeof(*blk) +
				 c->nqueues * sizeof(blk->queues[0]));
	uint32_t i;

	if (!blk)
		return NULL;
	blk->disk = c->disk;
	blk->nqueues = c->nqueues;
	blk->writethrough = c->writethrough;
	for (i = 0; i < c->nqueues; i++) {
		blk->queues[i].blk = blk;
		blk->queues[i].index = i;
	}
	if (c->serial)
		memcpy(blk->id, c->serial, strnlen(c->serial, VIRTDEV_BLK_ID_LEN));
	virtdev_priv_blk_config_init(blk, seg_max);
	return blk;
}

int virtdev_blk_new(const struct virtdev_blk_config *config,
		    struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_info info = { .id = BLK_DEVICE_ID };
	struct virtdev_blk_config c;
	struct blk *blk;
	uint32_t seg_max;
	int rc = read_config(config, &c, err);

	if (rc < 0)
		return rc;
	/* a request and its header and status fit in the largest queue */
	seg_max = c.queue_max - 2 < VIRTDEV_BLK_SEG_MAX ? c.queue_max - 2 :
		  VIRTDEV_BLK_SEG_MAX;
	blk = blk_make(&c, seg_max);
	if (!blk)
		return vsu_error_sys(err, -ENOMEM, "blk");
	info.nqueues = c.nqueues;
	info.queue_max = c.queue_max;
	info.max_chain = seg_max + 2;
	info.config_size = VIRTDEV_BLK_SPACE_SIZE;
	info.features = virtdev_priv_blk_features(blk);
	rc = virtdev_new(&blk_ops, &info, blk, &blk->dev);
	if (rc < 0) {
		free(blk);
		return vsu_error_sys(err, rc, "blk");
	}
	*out = blk->dev;
	return 0;
}
