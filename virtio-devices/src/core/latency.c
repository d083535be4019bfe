/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Histograms of latency, and depths of queues. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/latency.h>

#include "core/device_struct.h"

#define DECADE(ns) (ns), 2 * (ns), 5 * (ns)

static const uint64_t bounds[VIRTDEV_LATENCY_BUCKETS] = {
	DECADE(UINT64_C(1000)), DECADE(UINT64_C(10000)), DECADE(UINT64_C(100000)),
	DECADE(UINT64_C(1000000)), DECADE(UINT64_C(10000000)),
	DECADE(UINT64_C(100000000)), DECADE(UINT64_C(1000000000)),
	UINT64_C(10000000000), UINT64_MAX,
};

/* first[n]: the first bucket with a bound of at least 2^n ns. */
static const uint8_t first[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
	11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20, 21,
};

/* At most one bound is between a power of two and its double, so one compare suffices. */
static uint32_t bucket_of(uint64_t ns)
{
	const uint32_t power = 63 - (uint32_t)__builtin_clzll(ns | 1);
	uint32_t bucket;

	if (power >= sizeof(first))
		return VIRTDEV_LATENCY_BUCKETS - 1;
	bucket = first[power];
	return bucket + (ns > bounds[bucket]);
}

/* The queue's thread is the only writer. */
static void count_add(uint64_t *to, uint64_t n)
{
	__atomic_store_n(to, *to + n, __ATOMIC_RELAXED);
}

static uint64_t count_load(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

uint64_t virtdev_latency_bound(uint32_t bucket)
{
	return bucket < VIRTDEV_LATENCY_BUCKETS ? bounds[bucket] : UINT64_MAX;
}

int virtdev_measure(struct virtdev *dev, struct virtdev_measured *queues)
{
	if (!dev->ops.latency_kinds)
		return -EOPNOTSUPP;
	if (dev->measured)
		return -EEXIST;
	memset(queues, 0, dev->info.nqueues * sizeof(*queues));
	dev->measured = queues;
	return 0;
}

static const char *kind_name(const struct virtdev *dev, uint32_t kind)
{
	uint32_t i;

	for (i = 0; i < VIRTDEV_LATENCY_KINDS && dev->ops.latency_kinds[i]; i++)
		if (i == kind)
			return dev->ops.latency_kinds[i];
	return NULL;
}

const char *virtdev_latency(const struct virtdev *dev, uint32_t kind,
			    struct virtdev_histogram *out)
{
	const char *name = dev->measured ? kind_name(dev, kind) : NULL;
	const struct virtdev_histogram *h;
	uint32_t i, bucket;

	if (!name)
		return NULL;
	memset(out, 0, sizeof(*out));
	for (i = 0; i < dev->info.nqueues; i++) {
		h = &dev->measured[i].kinds[kind];
		for (bucket = 0; bucket < VIRTDEV_LATENCY_BUCKETS; bucket++)
			out->buckets[bucket] += count_load(&h->buckets[bucket]);
		out->sum += count_load(&h->sum);
	}
	return name;
}

int virtdev_queue_depth(const struct virtdev *dev, uint32_t queue,
			uint64_t *depth, uint64_t *depth_max)
{
	if (!dev->measured || queue >= dev->info.nqueues)
		return -ENOENT;
	*depth = count_load(&dev->measured[queue].depth);
	*depth_max = count_load(&dev->measured[queue].depth_max);
	return 0;
}

struct virtdev_measured *virtdev_queue_measured(struct virtdev *dev, uint32_t queue)
{
	if (!dev->measured || queue >= dev->info.nqueues)
		return NULL;
	__atomic_store_n(&dev->measured[queue].depth, 0, __ATOMIC_RELAXED);
	return &dev->measured[queue];
}

void virtdev_measured_begin(struct virtdev_measured *measured)
{
	count_add(&measured->depth, 1);
	if (measured->depth > measured->depth_max)
		__atomic_store_n(&measured->depth_max, measured->depth, __ATOMIC_RELAXED);
}

void virtdev_measured_end(struct virtdev_measured *measured, uint32_t kind, uint64_t ns)
{
	count_add(&measured->depth, UINT64_MAX);
	if (kind >= VIRTDEV_LATENCY_KINDS)
		return;
	count_add(&measured->kinds[kind].buckets[bucket_of(ns)], 1);
	count_add(&measured->kinds[kind].sum, ns);
}
