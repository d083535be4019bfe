/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Latency of a device's requests as histograms, and the depth of its queues.
 *
 *   kind       a group of requests with a histogram of its own per queue, such as reads
 *   bucket     counts requests up to a bound: 1, 2, 5, 10 us and so on up to 10 s; the
 *              last bucket counts longer ones
 *   depth      requests that the device has popped and not pushed
 *
 * A device measures only if its owner provides the storage (virtdev_measure()). Otherwise
 * a request costs two branches.
 *
 * A request's time begins in the turn that pops it, and ends in the turn that pushes it.
 * A turn of the block device reads the clock once for all requests that it pops, and once
 * for all completions that it finds together.
 *
 * Threads: only the queue's thread writes its storage; any thread reads it. A reader may
 * find a request in its bucket before the sum includes it.
 */
#ifndef VIRTIO_DEVICES_LATENCY_H
#define VIRTIO_DEVICES_LATENCY_H

#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VIRTDEV_LATENCY_BUCKETS 23u
#define VIRTDEV_LATENCY_KINDS 8u	/* maximum per device */

/* Fixed layout. Requests of one kind. */
struct virtdev_histogram {
	uint64_t buckets[VIRTDEV_LATENCY_BUCKETS];	/* requests; not cumulative */
	uint64_t sum;		/* of their times, ns */
};

/* Fixed layout. Measurements of a queue; zero at first. */
struct virtdev_measured {
	uint64_t depth;
	uint64_t depth_max;	/* highest depth since virtdev_measure() */
	struct virtdev_histogram kinds[VIRTDEV_LATENCY_KINDS];
};

/*
 * For owners: from the next start of each queue on, the device measures into
 * queues[info->nqueues], which is borrowed until virtdev_free(). Call it once, while no
 * queue runs. -EOPNOTSUPP: devices of this kind measure nothing; -EEXIST: called twice.
 */
VIRTDEV_API int virtdev_measure(struct virtdev *dev,
				struct virtdev_measured *queues) VSU_NODISCARD;

/* The upper bound of a bucket, ns, inclusive. The last bucket, and beyond: UINT64_MAX. */
VIRTDEV_API uint64_t virtdev_latency_bound(uint32_t bucket);

/*
 * The name of a kind, such as "read", and the sum of its histograms of all queues. Kinds
 * are counted from 0. NULL: no such kind, or the device does not measure. Any thread.
 */
VIRTDEV_API const char *virtdev_latency(const struct virtdev *dev, uint32_t kind,
					struct virtdev_histogram *out);

/* The depth of a queue, now and its maximum. -ENOENT: not measured. Any thread. */
VIRTDEV_API int virtdev_queue_depth(const struct virtdev *dev, uint32_t queue,
				    uint64_t *depth, uint64_t *depth_max)
	VSU_NODISCARD;

/*
 * For models with latency_kinds (device.h): the storage of a queue, or NULL if the device
 * does not measure. Call it in queue_start; the depth is 0 then.
 */
VIRTDEV_API struct virtdev_measured *virtdev_queue_measured(struct virtdev *dev,
							    uint32_t queue);

/* For models: a chain was popped. */
VIRTDEV_API void virtdev_measured_begin(struct virtdev_measured *measured);
/* For models: and pushed, after ns. VIRTDEV_LATENCY_KINDS: in no histogram. */
VIRTDEV_API void virtdev_measured_end(struct virtdev_measured *measured,
				      uint32_t kind, uint64_t ns);

VSU_END_DECLS

#endif
