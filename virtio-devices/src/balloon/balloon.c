/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory balloon device: operations and queues. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <virtio-devices/ids.h>
#include <virtio-queue/cursor.h>
#include <vmm-sys-util/sized.h>

#include "balloon/priv.h"

#define DEFAULT_QUEUE_MAX 128u

/*
 * Budget of one turn of the inflate queue: buffers, and bytes of page numbers.
 * Each page number may cost a system call.
 */
#define INFLATE_CHAINS 8u
#define INFLATE_BYTES (VIRTDEV_BALLOON_NUMBERS * 4)

/* ------------------------------------------------------------- the queues */

/* A run of consecutive pages, ascending or descending, discarded together. */
struct run {
	struct balloon *balloon;
	const struct vmem_map *map;
	uint64_t first, n;	/* pages */
};

static void run_end(struct run *run)
{
	struct balloon *b = run->balloon;
	uint64_t given;

	if (!run->n)
		return;
	given = virtdev_priv_give_back(&b->giveback, run->map,
				       run->first * VIRTDEV_BALLOON_PAGE,
				       run->n * VIRTDEV_BALLOON_PAGE);
	__atomic_fetch_add(&b->inflated, given, __ATOMIC_RELAXED);
	run->n = 0;
}

static void run_add(struct run *run, uint32_t page)
{
	if (run->n && page == run->first + run->n) {
		run->n++;
		return;
	}
	if (run->n && page + UINT64_C(1) == run->first) {
		run->first--;
		run->n++;
		return;
	}
	run_end(run);
	run->first = page;
	run->n = 1;
}

static uint32_t chain_inflate(void *opaque, struct vq *q,
			      struct vq_chain *chain)
{
	struct balloon_queue *queue = opaque;
	struct run run = { .balloon = queue->balloon };
	unsigned int left = VIRTDEV_BALLOON_NUMBERS;
	struct vq_cursor reader;
	uint32_t page;

	vq_reader_init(&reader, q, chain);
	run.map = vmem_reader_enter(&queue->reader);
	while (left-- && vq_cursor_read_le32(&reader, &page))
		run_add(&run, page);
	run_end(&run);
	vmem_reader_leave(&queue->reader);
	return 0;
}

/* No action is necessary: the host allocates pages again when the guest accesses them. */
static uint32_t chain_deflate(void *opaque, struct vq *q,
			      struct vq_chain *chain)
{
	(void)opaque;
	(void)q;
	(void)chain;
	return 0;
}

static bool is_poisoned(const struct balloon *b)
{
	return (b->features & BALLOON_F_PAGE_POISON) &&
	       vsu_le32_load(b->space.poison_val);
}

/* The writable buffers are the free pages themselves. */
static uint32_t chain_report(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct balloon_queue *queue = opaque;
	struct balloon *b = queue->balloon;
	const struct iovec *iov = chain->iov + chain->nreadable;
	uint64_t left = VIRTDEV_BALLOON_REPORT, len, given = 0;
	const struct vmem_map *map;
	uint32_t i;

	(void)q;
	if (is_poisoned(b))
		return 0;
	map = vmem_reader_enter(&queue->reader);
	for (i = 0; i < chain->nwritable && left; i++, left -= len) {
		len = iov[i].iov_len < left ? iov[i].iov_len : left;
		given += virtdev_priv_give_back_hva(&b->giveback, map,
						    iov[i].iov_base, len);
	}
	vmem_reader_leave(&queue->reader);
	__atomic_fetch_add(&b->reported, given, __ATOMIC_RELAXED);
	return 0;
}

static const struct vq_turn turns[] = {
	[BALLOON_INFLATE] = { .size = sizeof(turns[0]), .serve = chain_inflate,
			      .max_chains = INFLATE_CHAINS,
			      .max_bytes = INFLATE_BYTES },
	[BALLOON_DEFLATE] = { .size = sizeof(turns[0]),
			      .serve = chain_deflate },
	/* one large buffer may use the whole budget */
	[BALLOON_REPORTS] = { .size = sizeof(turns[0]), .serve = chain_report,
			      .clock_chains = 1 },
};

static int balloon_serve(void *self, uint32_t i)
{
	struct balloon *b = self;
	struct balloon_queue *queue = &b->queues[i];
	struct vq_turn turn;

	if (!queue->q || queue->role == BALLOON_NOTHING)
		return 0;
	if (queue->role == BALLOON_STATS)
		return virtdev_priv_balloon_stats_serve(b, queue->q);
	turn = turns[queue->role];
	turn.opaque = queue;
	return virtdev_queue_turn(b->dev, i, queue->q, &turn);
}

static int balloon_drain(void *self, uint32_t i)
{
	struct balloon *b = self;
	const struct balloon_queue *queue = &b->queues[i];

	if (queue->q && queue->role == BALLOON_STATS)
		virtdev_priv_balloon_stats_drain(b, queue->q);
	return 0;
}

/*
 * Linux numbers only existing queues; the specification also counts queues of
 * features that were not acknowledged. Without free page hints the two agree.
 */
static enum balloon_role role_of(const struct balloon *b, uint32_t i)
{
	const bool stats = b->features & BALLOON_F_STATS_VQ;
	const bool reports = b->features & BALLOON_F_PAGE_REPORTING;

	if (i <= BALLOON_DEFLATE)
		return i ? BALLOON_DEFLATE : BALLOON_INFLATE;
	if (stats && i == 2)
		return BALLOON_STATS;
	if (reports && (i == 4 || i == 2 + (uint32_t)stats))
		return BALLOON_REPORTS;
	return BALLOON_NOTHING;
}

static int balloon_start(void *self, uint32_t i, struct vq *q,
			 struct vsu_error *err)
{
	struct balloon *b = self;

	(void)err;
	b->queues[i].q = q;
	b->queues[i].role = role_of(b, i);
	if (b->queues[i].role == BALLOON_STATS)
		b->stats.queue = i;
	return 0;
}

static void balloon_stop(void *self, uint32_t i)
{
	((struct balloon *)self)->queues[i].q = NULL;
}

/* --------------------------------------------------------------------- life */

static void balloon_free(void *self)
{
	struct balloon *b = self;
	unsigned int i;

	for (i = 0; i < BALLOON_QUEUES; i++)
		vmem_space_remove_reader(&b->queues[i].reader);
	free(b);
}

static const struct virtdev_ops balloon_ops = {
	.size = sizeof(balloon_ops), .name = "balloon",
	.set_features = virtdev_priv_balloon_set_features,
	.config_read = virtdev_priv_balloon_config_read,
	.config_write = virtdev_priv_balloon_config_write,
	.queue_start = balloon_start, .queue_serve = balloon_serve,
	.queue_drain = balloon_drain, .queue_stop = balloon_stop,
	.reset = virtdev_priv_balloon_reset, .free = balloon_free,
	.state_version = 1, .state_save = virtdev_priv_balloon_save,
	.state_load = virtdev_priv_balloon_load,
	.stats = virtdev_priv_balloon_stats,
};

static int read_config(const struct virtdev_balloon_config *config,
		       struct virtdev_balloon_config *c, struct vsu_error *err)
{
	int rc = vsu_copy_sized(c, sizeof(*c), config,
				"struct virtdev_balloon_config", err);

	if (rc < 0)
		return rc;
	if (!c->space)
		return vsu_error_set(err, -EINVAL, "balloon: no memory to release pages of");
	if (c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "balloon: queues of %" PRIu32 " entries; at most %u are possible",
				     c->queue_size_max, VQ_MAX_SIZE);
	return virtdev_priv_balloon_check_target(c->target, err);
}

static void take_config(struct balloon *b,
			const struct virtdev_balloon_config *c)
{
	unsigned int i;

	b->giveback.may_discard = c->may_discard;
	b->giveback.opaque = c->opaque;
	virtdev_priv_balloon_store_target(b, c->target);
	for (i = 0; i < BALLOON_QUEUES; i++) {
		b->queues[i].balloon = b;
		vmem_space_add_reader(c->space, &b->queues[i].reader);
	}
}

int virtdev_balloon_new(const struct virtdev_balloon_config *config,
			struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_balloon_config c = { 0 };
	struct virtdev_info info = {
		.id = VIRTDEV_ID_BALLOON, .nqueues = BALLOON_QUEUES,
		.queue_size_max = DEFAULT_QUEUE_MAX,
		.config_size = sizeof(struct balloon_space),
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED |
			    BALLOON_F_STATS_VQ | BALLOON_F_PAGE_POISON,
	};
	struct balloon *b;
	int rc = read_config(config, &c, err);

	if (rc < 0)
		return rc;
	if (c.queue_size_max)
		info.queue_size_max = c.queue_size_max;
	info.features |= c.deflate_on_oom ? BALLOON_F_DEFLATE_ON_OOM : 0;
	info.features |= c.reporting ? BALLOON_F_PAGE_REPORTING : 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return vsu_error_sys(err, -ENOMEM, "balloon");
	rc = virtdev_new(&balloon_ops, &info, b, &b->dev, err);
	if (rc < 0) {
		free(b);
		return rc;
	}
	take_config(b, &c);
	*out = b->dev;
	return 0;
}
