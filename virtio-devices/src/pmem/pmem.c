/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The persistent memory device: a shared memory region over a file. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/report.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/sized.h>

#include "pmem/priv.h"

#define DEFAULT_QUEUE_MAX 64u
#define REGION 0u

/* Configuration space (5.19.4). */
struct pmem_space {
	struct vsu_le64 start;
	struct vsu_le64 size;
};

static void close_queue(struct pmem *p)
{
	if (p->channel)
		p->disk->ops.channel_close(p->disk->self, p->channel);
	free(p->pool);
	p->pool = p->free = NULL;
	p->channel = NULL;
	p->q = NULL;
}

static int open_queue(struct pmem *p, struct vq *q, struct vsu_error *err)
{
	uint32_t i, n = vq_size(q);

	p->pool = calloc(n, sizeof(*p->pool));
	if (!p->pool)
		return vsu_error_sys(err, -ENOMEM, "pmem: requests");
	for (i = 0; i < n; i++) {
		p->pool[i].next = p->free;
		p->free = &p->pool[i];
	}
	p->taken = 0;
	p->told_broken = false;
	return p->disk->ops.channel_open(p->disk->self, 1, &p->channel, err);
}

/* A reset keeps the region, so it may already be mapped. */
static int map_region(struct pmem *p, struct vsu_error *err)
{
	const struct virtdev_mapping all = {
		.region = REGION, .len = p->len, .fd = p->disk->fd,
		.writable = !p->disk->info.read_only,
	};
	int rc = virtdev_region_map(p->dev, &all, 0);

	if (rc < 0 && rc != -EEXIST)
		return vsu_error_sys(err, rc, "pmem: cannot map its file into the guest");
	return 0;
}

/* Discards the result of an abandoned flush. -EBUSY: it is still in flight. */
static int forget_abandoned(struct pmem *p)
{
	if (!p->abandoned)
		return 0;
	if (!p->disk->ops.reap(p->disk->self, p->channel))
		return -EBUSY;
	p->abandoned = false;
	close_queue(p);
	return 0;
}

static int pmem_start(void *self, uint32_t queue, struct vq *q,
		      struct vsu_error *err)
{
	struct pmem *p = self;
	int rc = forget_abandoned(p);

	(void)queue;
	if (rc < 0)
		return vsu_error_set(err, rc,
				     "pmem: a flush from before its queue was stopped is in flight");
	rc = open_queue(p, q, err);
	if (!rc)
		rc = map_region(p, err);
	if (rc < 0)
		close_queue(p);
	else
		p->q = q;
	return rc;
}

/*
 * The server did not drain the queue. The disk still uses the channel and the request of
 * the flush, so both stay until it has finished; the chains belong to a broken queue.
 */
static void abandon_requests(struct pmem *p)
{
	struct vsu_error what;

	vsu_error_set(&what, -EBUSY,
		      "its queue was stopped with %" PRIu32 " requests in flight; they are abandoned, and the queue is broken",
		      p->taken);
	virtdev_report(p->dev, &what);
	vq_break(p->q);
	virtdev_queue_broken(p->dev, 0);
	p->abandoned = p->flying;
	p->taken = 0;
	p->flying = false;
	p->served = p->waiting = NULL;
	free(p->pool);
	p->pool = p->free = NULL;
	p->q = NULL;
	if (!p->abandoned)
		close_queue(p);
}

static void pmem_stop(void *self, uint32_t queue)
{
	struct pmem *p = self;

	(void)queue;
	if (p->taken)
		abandon_requests(p);
	else if (!p->abandoned)
		close_queue(p);
}

static int pmem_host_fd(void *self, uint32_t queue)
{
	const struct pmem *p = self;

	(void)queue;
	return p->channel ? p->disk->ops.channel_fd(p->disk->self, p->channel)
			  : -1;
}

static bool pmem_blocks(void *self)
{
	return ((const struct pmem *)self)->disk->info.blocks;
}

/* --------------------------------------------------------------------- life */

/* 0: only the owner of the guest's addresses knows it, which is not this process. */
static uint64_t region_address(const struct pmem *p)
{
	uint64_t start;

	return virtdev_region_address(p->dev, REGION, &start) ? 0 : start;
}

static void pmem_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct pmem *p = self;
	const struct pmem_space space = {
		.start = vsu_le64_make(region_address(p)),
		.size = vsu_le64_make(p->len),
	};

	memcpy(buf, (const char *)&space + off, len);
}

/* The content is in the file, and the driver has read where the guest finds it. */
static void pmem_save(void *self, struct virtdev_state_writer *w)
{
	const struct pmem *p = self;

	virtdev_state_put_u64(w, region_address(p));
	virtdev_state_put_u64(w, p->len);
}

/*
 * The region is mapped before a queue starts if this process owns the guest's addresses:
 * other devices, which may continue first, have buffers there.
 */
static int pmem_load(void *self, uint32_t version,
		     struct virtdev_state_reader *r, struct vsu_error *err)
{
	struct pmem *p = self;
	const uint64_t start = version ? virtdev_state_get_u64(r) : 0;
	const uint64_t len = version ? virtdev_state_get_u64(r) : p->len;
	int rc = virtdev_state_end(r, err);

	if (rc < 0)
		return rc;
	if (len != p->len)
		return vsu_error_set(err, -EINVAL,
				     "pmem: the saved device has %" PRIu64 " bytes, and this one %" PRIu64 "; specify a file or a size of as many",
				     len, p->len);
	if (start && region_address(p) && start != region_address(p))
		return vsu_error_set(err, -EINVAL,
				     "pmem: the saved device is at 0x%" PRIx64 " of the guest, and this one at 0x%" PRIx64,
				     start, region_address(p));
	return region_address(p) ? map_region(p, err) : 0;
}

uint32_t virtdev_priv_pmem_stats(void *self, struct virtdev_stat *stats, uint32_t max)
{
	const struct pmem *p = self;
	const struct virtdev_stat all[] = {
		{ "requests", __atomic_load_n(&p->requests, __ATOMIC_RELAXED) },
		{ "flushes", __atomic_load_n(&p->flushes, __ATOMIC_RELAXED) },
	};
	const uint32_t n = sizeof(all) / sizeof(all[0]);

	memcpy(stats, all, (n < max ? n : max) * sizeof(all[0]));
	return n;
}

static void pmem_free(void *self)
{
	struct pmem *p = self;

	if (forget_abandoned(p))	/* the disk still uses its memory */
		return;
	virtdev_disk_free(p->disk);
	free(p);
}

static const struct virtdev_ops pmem_ops = {
	.size = sizeof(pmem_ops), .name = "pmem",
	.config_read = pmem_config_read,
	.queue_start = pmem_start, .queue_stop = pmem_stop,
	.queue_serve = virtdev_priv_pmem_serve,
	.queue_drain = virtdev_priv_pmem_drain,
	.queue_host_fd = pmem_host_fd, .queue_blocks = pmem_blocks,
	.state_version = 1, .state_save = pmem_save, .state_load = pmem_load,
	.stats = virtdev_priv_pmem_stats, .free = pmem_free,
};

static int check_len(const struct virtdev_pmem_config *c, struct vsu_error *err)
{
	const uint64_t capacity = c->disk->info.capacity;

	if (!c->len || !vsu_is_aligned(c->len, VIRTDEV_PMEM_ALIGN))
		return vsu_error_set(err, -EINVAL,
				     "pmem: %" PRIu64 " bytes are not a multiple of 2 MiB; extend the file (truncate -s), or specify a size",
				     c->len);
	if (c->len > capacity)
		return vsu_error_set(err, -EINVAL,
				     "pmem: a size of %" PRIu64 " bytes exceeds the file's %" PRIu64,
				     c->len, capacity);
	return 0;
}

static int read_config(const struct virtdev_pmem_config *config,
		       struct virtdev_pmem_config *c, struct vsu_error *err)
{
	int rc = vsu_copy_sized(c, sizeof(*c), config,
				"struct virtdev_pmem_config", err);

	if (rc < 0)
		return rc;
	if (!c->disk || c->disk->fd < 0)
		return vsu_error_set(err, -EINVAL, "pmem: no disk with a file that can be mapped");
	if (c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "pmem: a queue of %" PRIu32 " entries; at most %u are possible",
				     c->queue_size_max, VQ_MAX_SIZE);
	if (!c->queue_size_max)
		c->queue_size_max = DEFAULT_QUEUE_MAX;
	rc = virtdev_priv_disk_check_free(c->disk, "pmem", err);
	if (rc < 0)
		return rc;
	c->len = c->len ? c->len : c->disk->info.capacity;
	return check_len(c, err);
}

int virtdev_pmem_new(const struct virtdev_pmem_config *config,
		     struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_info info = {
		.id = VIRTDEV_ID_PMEM, .nqueues = 1, .nregions = 1,
		.config_size = sizeof(struct pmem_space),
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED,
		.regions = { { .id = REGION,
			       .flags = VIRTDEV_REGION_APART } },
	};
	struct virtdev_pmem_config c = { 0 };
	int rc = read_config(config, &c, err);
	struct pmem *p;

	if (rc < 0)
		return rc;
	info.queue_size_max = c.queue_size_max;
	info.regions[0].len = c.len;
	p = calloc(1, sizeof(*p));
	if (!p)
		return vsu_error_sys(err, -ENOMEM, "pmem");
	rc = virtdev_new(&pmem_ops, &info, p, &p->dev, err);
	if (rc < 0) {
		free(p);
		return rc;
	}
	p->disk = c.disk;
	p->disk->owned = true;
	p->len = c.len;
	*out = p->dev;
	return 0;
}
