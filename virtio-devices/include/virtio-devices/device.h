/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device, written once: it knows neither the transport that a driver
 * reaches it by, nor an event loop, nor threads.
 *
 *   device     features, configuration space, queues, reset; opaque
 *   model      what a kind of device does: struct virtdev_ops
 *   home       whoever owns the device: a transport in a VMM, or a vhost-user
 *              server. It starts queues, serves them when a kick or the
 *              queue's host descriptor says so, and carries notifications to
 *              the driver: struct virtdev_home_ops
 *   serve      one bounded turn of a queue: take chains, work, give back
 *   host fd    what the work of a queue waits for on the host's side (a ring
 *              of disk requests, a tap): readable means serve again
 *
 * Life of a queue: queue_start, then serve as often as needed, then drain
 * until it says 0, then queue_stop. All queues are stopped before reset.
 *
 * Threads: a device is confined to one thread, except that after queue_start
 * serve and drain of different queues may run on different threads, each
 * queue on one at a time. A home's notify is called on the queue's thread.
 */
#ifndef VIRTIO_DEVICES_DEVICE_H
#define VIRTIO_DEVICES_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-queue/turn.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev;

/* Frozen. Properties of a device, constant during its life. */
struct virtdev_info {
	uint32_t id;		/* VIRTIO device id: 2 is a block device */
	uint32_t nqueues;
	uint32_t queue_max;	/* largest size of a queue */
	uint32_t max_chain;	/* longest chain it takes; 0: the queue's size */
	uint32_t config_size;	/* bytes of configuration space */
	uint32_t pad;
	uint64_t features;	/* offered, the ring's own (VQ_F_*) with them */
};

/* A home for its device. opaque was given to virtdev_set_home(). */
struct virtdev_home_ops {
	size_t size;		/* sizeof(struct virtdev_home_ops) */
	/* Used buffers were published and the driver wants to know. */
	void (*notify)(void *opaque, uint32_t queue);
	/* The configuration space changed. On the device's thread. */
	void (*config_changed)(void *opaque);
	/* The queue broke (vq_broken() says why). On the queue's thread. */
	void (*queue_broken)(void *opaque, uint32_t queue);
	/*
	 * A turn of the queue met an I/O address that is not known yet (-EAGAIN
	 * of vq_pop()). 0: the queue is served again when it is; 1: look again
	 * at once. On the queue's thread. NULL where there is no IOMMU.
	 */
	int (*queue_missed)(void *opaque, uint32_t queue);
};

/*
 * The operations of a model. self is its own object. Members that a model
 * leaves NULL do nothing and succeed.
 */
struct virtdev_ops {
	size_t size;		/* sizeof(struct virtdev_ops) */
	const char *name;	/* "blk" */

	/* The driver's features, a subset of those offered. */
	int (*set_features)(void *self, uint64_t features,
			    struct vsu_error *err);

	/* off and len lie within config_size. */
	void (*config_read)(void *self, uint32_t off, void *buf, uint32_t len);
	/* Writes; -EPERM where the driver may not, -EBADMSG for a bad value. */
	int (*config_write)(void *self, uint32_t off, const void *buf,
			    uint32_t len);

	/* q is enabled and stays valid until queue_stop. */
	int (*queue_start)(void *self, uint32_t queue, struct vq *q,
			   struct vsu_error *err);
	/* 1: more to do now; 0: wait for a kick or the host fd. */
	int (*queue_serve)(void *self, uint32_t queue);
	/*
	 * Finishes what was taken, takes nothing new; how much is left, or
	 * -EAGAIN: some is left that no descriptor tells of, call again soon.
	 */
	int (*queue_drain)(void *self, uint32_t queue);
	void (*queue_stop)(void *self, uint32_t queue);

	/* A descriptor, borrowed, constant while the queue runs; or -1. */
	int (*queue_host_fd)(void *self, uint32_t queue);

	/* True when serve may block its thread (a synchronous disk). */
	bool (*queue_blocks)(void *self);

	/* Back to the state of a new device. No queue runs. */
	void (*reset)(void *self);
	void (*free)(void *self);
};

/* For models: makes a device of self; ops and info are copied. */
VIRTDEV_API int virtdev_new(const struct virtdev_ops *ops,
			    const struct virtdev_info *info, void *self,
			    struct virtdev **out) VSU_NODISCARD;

/* For models, while a queue runs or the configuration changed. */
VIRTDEV_API void virtdev_notify(struct virtdev *dev, uint32_t queue);
VIRTDEV_API void virtdev_config_changed(struct virtdev *dev);
VIRTDEV_API void virtdev_queue_broken(struct virtdev *dev, uint32_t queue);

/*
 * For models that take chains themselves, at the end of a turn in which vq_pop()
 * said -EAGAIN: what queue_serve says then, 1 or 0.
 */
VIRTDEV_API int virtdev_queue_missed(struct virtdev *dev, uint32_t queue)
	VSU_NODISCARD;

/*
 * For models that finish a chain before they take the next one: the whole of
 * queue_serve. A vq_turn() whose notify is not called: the home is told of used
 * buffers, and once of a queue that broke. 1: more to do now; 0: wait; -EINVAL
 * as vq_turn().
 */
VIRTDEV_API int virtdev_queue_turn(struct virtdev *dev, uint32_t queue,
				   struct vq *q, const struct vq_turn *turn)
	VSU_NODISCARD;

/* Queues must have been stopped. */
VIRTDEV_API void virtdev_free(struct virtdev *dev);

/* For homes. One home at a time; NULL takes it away. */
VIRTDEV_API void virtdev_set_home(struct virtdev *dev,
				  const struct virtdev_home_ops *ops,
				  void *opaque);

VIRTDEV_API const char *virtdev_name(const struct virtdev *dev);
VIRTDEV_API const struct virtdev_info *virtdev_info(const struct virtdev *dev);

/*
 * The features that the driver acknowledged. -EBADMSG, naming a bit, when one
 * was not offered or the device cannot do without one that is missing.
 */
VIRTDEV_API int virtdev_set_features(struct virtdev *dev, uint64_t features,
				     struct vsu_error *err) VSU_NODISCARD;

/*
 * Configuration space. Bytes beyond its end read as 0 and are not written;
 * config_write says -EPERM when the driver may not change what it named, and
 * -EBADMSG when it may not have that value.
 */
VIRTDEV_API void virtdev_config_read(struct virtdev *dev, uint32_t off,
				     void *buf, uint32_t len);
VIRTDEV_API int virtdev_config_write(struct virtdev *dev, uint32_t off,
				     const void *buf, uint32_t len)
	VSU_NODISCARD;

VIRTDEV_API int virtdev_queue_start(struct virtdev *dev, uint32_t queue,
				    struct vq *q, struct vsu_error *err)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_queue_serve(struct virtdev *dev, uint32_t queue)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_queue_drain(struct virtdev *dev, uint32_t queue)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_queue_stop(struct virtdev *dev, uint32_t queue);
VIRTDEV_API int virtdev_queue_host_fd(struct virtdev *dev, uint32_t queue);
VIRTDEV_API bool virtdev_queue_blocks(const struct virtdev *dev);
VIRTDEV_API void virtdev_reset(struct virtdev *dev);

VSU_END_DECLS

#endif
