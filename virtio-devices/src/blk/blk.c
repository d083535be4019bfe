/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The block device: creation, and serving of its queues in turns. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sized.h>

#include "blk/priv.h"

#define BLK_DEVICE_ID 2u
#define BLK_MAX_QUEUES 256u
#define BLK_DEFAULT_QUEUE 1024u

/* Maximum bytes that the disk copies in one turn: 1 to 2 ms. */
#define BLK_TURN_BYTES (UINT64_C(8) << 20)

/*
 * Bytes in flight from which on no further request is popped: enough to keep any disk
 * busy, and few enough to drain quickly. A single request may exceed the limit.
 */
#define BLK_INFLIGHT_BYTES (UINT64_C(64) << 20)

/* Maximum successive parts of requests within one turn. */
#define BLK_KICK_ROUNDS 32u

static void disk_reap(struct blk_queue *q)
{
	struct virtdev_disk *disk = q->blk->disk;
	struct virtdev_disk_request *done;

	while ((done = disk->ops.reap(disk->self, q->channel)))
		virtdev_priv_blk_disk_done(q, done);
}

/*
 * Kicks and reaps until the disk has accepted all requests and none is complete, or the
 * budget is used up. Repeats because a completed request may queue its next part. 0, or
 * -EAGAIN if requests remain to be submitted or reaped and no descriptor becomes ready.
 */
static int kick_and_reap(struct blk_queue *q, uint64_t *budget)
{
	struct virtdev_disk *disk = q->blk->disk;
	unsigned int rounds = BLK_KICK_ROUNDS;
	int rc;

	do {
		rc = disk->ops.kick(disk->self, q->channel, budget);
		if (rc == 0)
			break;
		virtdev_priv_blk_read_clock(q);
		disk_reap(q);
	} while (rc > 0 && --rounds);
	return rc ? -EAGAIN : 0;
}

static void queue_publish(struct blk_queue *q)
{
	if (vq_publish(q->q))
		virtdev_notify(q->blk->dev, q->index);
}

static bool is_full(const struct blk_queue *q)
{
	return q->inflight == q->size || q->bytes >= BLK_INFLIGHT_BYTES;
}

/* Remaining budget of a turn. */
struct turn {
	uint32_t requests;
	uint64_t bytes;
	struct virtdev_rate *rate;	/* NULL: the device has no limits */
	uint64_t wait;			/* ns until the limits permit a request */
};

/* Bytes of a read or write; header and status do not count. */
static uint64_t data_of(const struct vq_chain *chain)
{
	const uint64_t all = (uint64_t)chain->readable_len + chain->writable_len;
	const uint64_t frame = sizeof(struct virtdev_blk_header) + 1;

	return all > frame ? all - frame : 0;
}

static bool must_wait(struct turn *left)
{
	left->wait = left->rate ? virtdev_rate_wait(left->rate, vsu_now_ns()) : 0;
	return left->wait;
}

/*
 * Submits popped requests whenever the number in flight has doubled: the disk starts
 * early instead of idling while the turn pops more, and the number of calls stays
 * logarithmic. The first request alone is not submitted: it might complete before the
 * next one is popped.
 */
static bool has_doubled(uint32_t n)
{
	return n > 1 && !(n & (n - 1));
}

static void note_popped(const struct blk_queue *q, struct blk_request *r)
{
	if (!q->measured)
		return;
	r->popped = q->now;
	virtdev_measured_begin(q->measured);
}

/*
 * Pops chains. 0: the ring is empty; 1: the turn's budget is used up; -EBUSY: the
 * limit of requests or bytes in flight is reached; -ETIME: the device's limits.
 */
static int pop_chains(struct blk_queue *q, struct turn *left)
{
	struct virtdev_disk *disk = q->blk->disk;
	struct blk_request *r;
	int rc;

	for (; left->requests; left->requests--) {
		if (is_full(q))
			return -EBUSY;
		if (must_wait(left))
			return -ETIME;
		r = virtdev_priv_blk_get(q);
		rc = vq_pop(q->q, &r->chain);
		if (rc != 1) {
			virtdev_priv_blk_put(q, r);
			return rc;
		}
		note_popped(q, r);
		if (left->rate)
			virtdev_rate_take(left->rate, data_of(&r->chain), 1);
		/* excludes the current one, which a later kick submits */
		if (has_doubled(q->inflight - 1))
			disk->ops.kick(disk->self, q->channel, &left->bytes);
		virtdev_priv_blk_begin(q, r);
	}
	return 1;
}

static int queue_turn(struct blk_queue *q, struct turn *left)
{
	int rc, kicked;

	virtdev_priv_blk_read_clock(q);
	disk_reap(q);
	vq_disable_notify(q->q);
	rc = pop_chains(q, left);
	kicked = kick_and_reap(q, &left->bytes);
	queue_publish(q);
	if (rc == -EBUSY)
		rc = is_full(q) ? 0 : 1;
	else if (rc < 0)
		virtdev_priv_blk_report_broken(q);
	return kicked < 0 ? 1 : rc;
}

static int blk_queue_serve(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	struct turn left = { .bytes = BLK_TURN_BYTES };
	int rc;

	if (!q->q)
		return 0;
	left.requests = q->per_turn;
	if (virtdev_rate_is_limited(q->blk->rate))
		left.rate = q->blk->rate;
	do {
		rc = queue_turn(q, &left);
	} while (rc == 0 && !is_full(q) && vq_enable_notify(q->q));
	if (rc == -EAGAIN)
		return virtdev_queue_missed(q->blk->dev, queue);
	if (rc == -ETIME)
		return virtdev_queue_wait(q->blk->dev, queue, left.wait);
	return rc > 0;
}

/*
 * Flushes the channel, which is closed when the queue stops. Positive: the flush is in
 * progress.
 */
static int flush_channel(const struct blk_queue *q)
{
	const struct virtdev_disk *disk = q->blk->disk;

	return disk->ops.channel_flush ?
	       disk->ops.channel_flush(disk->self, q->channel) : 0;
}

static int blk_queue_drain(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	uint64_t budget = BLK_TURN_BYTES;
	int rc;

	if (!q->q)
		return 0;
	virtdev_priv_blk_read_clock(q);
	disk_reap(q);
	rc = kick_and_reap(q, &budget);
	queue_publish(q);
	if (q->inflight)
		return rc < 0 ? rc : (int)q->inflight;
	return flush_channel(q);
}

static int blk_queue_start(void *self, uint32_t queue, struct vq *vq,
			   struct vsu_error *err)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	int rc;

	if (q->q)
		return vsu_error_set(err, -EBUSY, "queue %u was started",
				     queue);
	rc = virtdev_priv_blk_forget_abandoned(q, err);
	if (rc < 0)
		return rc;
	rc = virtdev_priv_blk_queue_open(q, vq, err);
	if (rc < 0) {
		virtdev_priv_blk_queue_close(q);
		return rc;
	}
	q->measured = virtdev_queue_measured(q->blk->dev, queue);
	q->q = vq;
	return 0;
}

static void blk_queue_stop(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];

	if (!q->q)
		return;
	if (q->inflight)
		virtdev_priv_blk_abandon(q);
	else
		virtdev_priv_blk_queue_close(q);
}

static int blk_queue_host_fd(void *self, uint32_t queue)
{
	struct blk_queue *q = &((struct blk *)self)->queues[queue];
	struct virtdev_disk *disk = q->blk->disk;

	return q->q ? disk->ops.channel_fd(disk->self, q->channel) : -1;
}

static bool blk_queue_blocks(void *self)
{
	return virtdev_priv_disk_info(((struct blk *)self)->disk)->blocks;
}

static void blk_reset(void *self)
{
	virtdev_priv_blk_config_reset(self);
}

static void blk_free(void *self)
{
	struct blk *blk = self;
	uint32_t i;
	int busy = 0;

	for (i = 0; i < blk->nqueues; i++)
		busy |= virtdev_priv_blk_forget_abandoned(&blk->queues[i], NULL);
	if (busy)	/* the disk still uses its memory */
		return;
	virtdev_priv_blk_channels_close(blk);
	virtdev_disk_free(blk->disk);
	virtdev_rate_free(blk->rate);
	free(blk);
}

static const char *const latency_kinds[] = {
	[BLK_READS] = "read", [BLK_WRITES] = "write", [BLK_FLUSHES] = "flush",
	[BLK_DISCARDS] = "discard", [BLK_ZEROES] = "write-zeroes", NULL,
};

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
	.latency_kinds = latency_kinds,
};

/* Fills in defaults. -EINVAL: invalid configuration. */
static int read_config(const struct virtdev_blk_config *config,
		       struct virtdev_blk_config *c, struct vsu_error *err)
{
	int rc = vsu_copy_sized(c, sizeof(*c), config,
				"struct virtdev_blk_config", err);

	if (rc < 0)
		return rc;
	c->nqueues = c->nqueues ? c->nqueues : 1;
	if (!c->queue_size_max)
		c->queue_size_max = BLK_DEFAULT_QUEUE;
	if (!c->disk)
		return vsu_error_set(err, -EINVAL, "blk: no disk");
	if (c->nqueues > BLK_MAX_QUEUES)
		return vsu_error_set(err, -EINVAL,
				     "blk: %u queues, at most %u",
				     c->nqueues, BLK_MAX_QUEUES);
	if (c->queue_size_max < 4 || c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "blk: queue size %u is not within 4 and %u",
				     c->queue_size_max, VQ_MAX_SIZE);
	return virtdev_priv_disk_check_free(c->disk, "blk", err);
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
	blk->early_channels = c->early_channels;
	for (i = 0; i < c->nqueues; i++) {
		blk->queues[i].blk = blk;
		blk->queues[i].index = i;
	}
	if (c->serial)
		memcpy(blk->id, c->serial, strnlen(c->serial, VIRTDEV_BLK_ID_LEN));
	virtdev_priv_blk_config_init(blk, seg_max);
	return blk;
}

static int make_limits(struct blk *blk, const struct virtdev_rate_limits *limits,
		       struct vsu_error *err)
{
	int rc = virtdev_rate_new(&blk->rate);

	if (rc < 0)
		return vsu_error_sys(err, rc, "blk");
	rc = virtdev_rate_set(blk->rate, limits, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "blk") : 0;
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
	/* data segments plus header and status fit in the largest queue */
	seg_max = c.queue_size_max - 2;
	if (seg_max > VIRTDEV_BLK_SEG_MAX)
		seg_max = VIRTDEV_BLK_SEG_MAX;
	blk = blk_make(&c, seg_max);
	if (!blk)
		return vsu_error_sys(err, -ENOMEM, "blk");
	info.nqueues = c.nqueues;
	info.queue_size_max = c.queue_size_max;
	info.max_chain = seg_max + 2;
	info.config_size = VIRTDEV_BLK_SPACE_SIZE;
	info.features = virtdev_priv_blk_features(blk);
	rc = make_limits(blk, &c.limits, err);
	if (!rc)
		rc = virtdev_priv_blk_channels_open(blk, c.queue_size_max, err);
	if (!rc)
		rc = virtdev_new(&blk_ops, &info, blk, &blk->dev, err);
	if (rc < 0) {
		virtdev_priv_blk_channels_close(blk);
		virtdev_rate_free(blk->rate);
		free(blk);
		return rc;
	}
	blk->disk->owned = true;
	virtdev_set_keeps(blk->dev);
	*out = blk->dev;
	return 0;
}
