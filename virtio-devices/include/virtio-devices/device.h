/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio device, independent of transport, event loop and threads.
 *
 *   device     features, configuration space, queues, reset; opaque
 *   model      the operations of a kind of device: struct virtdev_ops
 *   server     the code that owns the device: a transport in a VMM, or a vhost-user
 *              server. It starts and serves queues, and notifies the driver:
 *              struct virtdev_server_ops
 *   serve      one bounded turn of a queue: pop chains, process, push
 *   host fd    readable when the host side of a queue (disk ring, tap) needs a turn
 *   region     shared memory of device and driver (VIRTIO 1.3, section 2.10): the
 *              server assigns addresses, and the device maps files into it
 *   state      a device's state as bytes (state.h), without configuration and
 *              queues; independent of the server
 *
 * Life of a queue: queue_start, serve as often as needed, drain until it returns 0,
 * queue_stop. All queues are stopped before reset.
 *
 * Pause: drain and stop all queues, pause, optionally state_take; resume, then start the
 * queues where they stopped. A device that loads a state is new or was reset, and receives
 * features and state, in either order, before its first queue starts.
 *
 * Change of the configuration: the model stores it and calls virtdev_config_changed() on
 * the same thread. No other thread may read the configuration in between. The server
 * increments the generation and notifies the driver.
 *
 * docs/device-calls.md of the installed documentation lists which server calls what, and when.
 *
 * Threads: a device is confined to one thread, except that after queue_start
 * serve and drain of different queues may run on different threads, each
 * queue on one at a time. A server's notify is called on the queue's thread.
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
struct virtdev_state_reader;
struct virtdev_state_writer;

#define VIRTDEV_REGIONS 8u	/* maximum per device */

/*
 * A region that the transport does not report to the driver: the device itself reports
 * the region's address, which virtdev_region_address() returns. A reset keeps the
 * mappings of the region, because the guest may use them as memory without a driver.
 */
#define VIRTDEV_REGION_APART 0x1u

/* Fixed layout. A shared memory region. */
struct virtdev_region {
	uint64_t len;		/* bytes; a multiple of 4096, not 0 */
	uint8_t id;		/* unique within the device */
	uint8_t flags;		/* VIRTDEV_REGION_* */
	uint8_t pad[6];
};

/* Fixed layout. Properties of a device, constant during its life. */
struct virtdev_info {
	uint32_t id;		/* VIRTIO device id: 2 is a block device */
	uint32_t nqueues;
	uint32_t queue_size_max; /* largest size of a queue; a power of 2 */
	uint32_t max_chain;	/* maximum descriptors of a chain; 0: the queue's size */
	uint32_t config_size;	/* bytes of configuration space */
	uint32_t nregions;
	uint64_t features;	/* offered, including those of the ring (VQ_F_*) */
	struct virtdev_region regions[VIRTDEV_REGIONS];
};

/* Fixed layout. A part of a file in a region; to unmap: a range of a region. */
struct virtdev_mapping {
	uint64_t offset, len;	/* in the region; multiples of the host's page size */
	uint64_t fd_offset;	/* map: offset in the file; likewise */
	int fd;			/* map: borrowed, open for this access */
	uint8_t region;		/* id of the region */
	bool writable;		/* map: the driver may store to it */
	bool replaces;		/* map: mappings in the range are removed first */
};

/* Fixed layout. A statistic of a device. */
struct virtdev_stat {
	const char *name;	/* "reads"; constant */
	uint64_t value;
};

/* Callbacks of the server. opaque is that of virtdev_set_server(). */
struct virtdev_server_ops {
	size_t size;		/* sizeof(struct virtdev_server_ops) */
	/* Used buffers were published, and the driver requested a notification. */
	void (*notify)(void *opaque, uint32_t queue);
	/* The configuration space changed. On the device's thread. */
	void (*config_changed)(void *opaque);
	/* The queue failed; see vq_broken(). On the queue's thread. */
	void (*queue_broken)(void *opaque, uint32_t queue);
	/*
	 * vq_pop() returned -EAGAIN: an I/O address is not in the IOTLB. 0: the
	 * queue is served again after the translation arrived; 1: retry
	 * immediately. On the queue's thread. NULL: no IOMMU.
	 */
	int (*queue_missed)(void *opaque, uint32_t queue);
	/*
	 * See virtdev_region_map() and _unmap(). NULL: regions are not
	 * supported. On a queue's thread, or the device's.
	 */
	int (*region_change)(void *opaque, bool map,
			     const struct virtdev_mapping *m, uint64_t cookie);
	int (*region_address)(void *opaque, uint8_t region, uint64_t *gpa); /* NULL: unknown */
	int (*queue_wait)(void *opaque, uint32_t queue, uint64_t ns); /* rate.h; or NULL */
	void (*queue_wake)(void *opaque, uint32_t queue); /* console.h: serve it again, soon. Any thread */
};

/*
 * The operations of a model. self is its own object. An operation that is NULL
 * does nothing and succeeds.
 */
struct virtdev_ops {
	size_t size;		/* sizeof(struct virtdev_ops) */
	const char *name;	/* "blk" */

	/* The driver's features, a subset of those offered. */
	int (*set_features)(void *self, uint64_t features,
			    struct vsu_error *err);

	/* off and len lie within config_size. */
	void (*config_read)(void *self, uint32_t off, void *buf, uint32_t len);
	/* -EPERM: the driver may not write there; -EBADMSG: an invalid value. */
	int (*config_write)(void *self, uint32_t off, const void *buf,
			    uint32_t len);

	/* q is enabled and stays valid until queue_stop. */
	int (*queue_start)(void *self, uint32_t queue, struct vq *q,
			   struct vsu_error *err);
	/* 1: more to do now; 0: wait for a kick or the host fd. */
	int (*queue_serve)(void *self, uint32_t queue);
	/*
	 * Completes popped requests and pops no others. Returns the number of
	 * remaining requests, or -EAGAIN: no descriptor signals them, call again soon.
	 */
	int (*queue_drain)(void *self, uint32_t queue);
	void (*queue_stop)(void *self, uint32_t queue);

	/* A descriptor, borrowed, constant while the queue runs; or -1. */
	int (*queue_host_fd)(void *self, uint32_t queue);

	/* True when serve may block its thread (a synchronous disk). */
	bool (*queue_blocks)(void *self);

	/* Restores the state of a new device. Called when no queue runs. */
	void (*reset)(void *self);
	void (*free)(void *self);

	/*
	 * Called when no queue runs; none starts before resume. Until resume the
	 * device handles no events of the host.
	 */
	void (*pause)(void *self);
	void (*resume)(void *self);

	/* The state of a paused device: everything that the driver set or can read, except
	   queues and configuration. state_version is the version of its format. */
	uint32_t state_version;
	void (*state_save)(void *self, struct virtdev_state_writer *w);
	/*
	 * version is at most state_version. Reads all values, checks them and
	 * virtdev_state_end() (-EBADMSG), then applies them. 1: not complete; the
	 * server calls state_load_turn until it returns 0 or fails.
	 */
	int (*state_load)(void *self, uint32_t version,
			  struct virtdev_state_reader *r,
			  struct vsu_error *err);

	/* Stores up to max statistics; returns their constant total. Any thread. */
	uint32_t (*stats)(void *self, struct virtdev_stat *stats, uint32_t max);

	/* Result of a map or unmap that returned 1: 0, or a negative errno. */
	void (*region_done)(void *self, uint64_t cookie, int result);

	/* Continues a load for a few ms; r NULL: cancels it and resets the device. */
	int (*state_load_turn)(void *self, struct virtdev_state_reader *r,
			       struct vsu_error *err);
	/* Does a few ms of a reset's work. 1: work remains, for another turn or reset. */
	int (*reset_turn)(void *self);
	const char *const *latency_kinds; /* names (latency.h), then NULL; or NULL: none */
	void (*queue_reset)(void *self, uint32_t queue); /* after queue_stop: its chains are void */
	bool (*queue_is_rare)(void *self, uint32_t queue); /* notified rarely, see inline.h. Constant */
};

/*
 * For models: makes a device of self; ops and info are copied. -EINVAL: no name, id
 * 0, no queue, a queue_size_max that is no power of 2 or above VQ_MAX_SIZE, or
 * invalid regions; err names the member.
 */
VIRTDEV_API int virtdev_new(const struct virtdev_ops *ops,
			    const struct virtdev_info *info, void *self,
			    struct virtdev **out, struct vsu_error *err)
	VSU_NODISCARD;

/* For models: call the server's callbacks. notify and queue_broken require a running queue. */
VIRTDEV_API void virtdev_notify(struct virtdev *dev, uint32_t queue);
VIRTDEV_API void virtdev_config_changed(struct virtdev *dev);
VIRTDEV_API void virtdev_queue_broken(struct virtdev *dev, uint32_t queue);

/*
 * For models that pop chains themselves: call it at the end of a turn in which
 * vq_pop() returned -EAGAIN, and return its result, 1 or 0, from queue_serve.
 */
VIRTDEV_API int virtdev_queue_missed(struct virtdev *dev, uint32_t queue)
	VSU_NODISCARD;

/*
 * For models that complete a chain before they pop the next one: implements queue_serve
 * by vq_serve_turn(). turn->notify is not called. Notifies the server of used buffers,
 * and once of a broken queue. Results: as queue_serve; -EINVAL, -E2BIG: as vq_serve_turn().
 */
VIRTDEV_API int virtdev_queue_turn(struct virtdev *dev, uint32_t queue,
				   struct vq *q, const struct vq_turn *turn)
	VSU_NODISCARD;

/*
 * For models: maps a part of a file into a region of the device, or unmaps a
 * range. Without replaces, the range must be unmapped. Unmapping a part of a
 * mapping keeps the rest; a vhost-user server unmaps whole mappings only. Regions
 * are empty at first, after a change of servers, and after a reset (except
 * VIRTDEV_REGION_APART). 0: done; 1: ops->region_done follows with the cookie. -EINVAL: no
 * such region, or invalid numbers; -EEXIST: the range is mapped (through a vhost-user
 * server -EREMOTEIO); -EOPNOTSUPP: the server does not support regions or replaces;
 * -EPROTO: no queue runs (vhost-user server); -EAGAIN: too many requests in flight; or an
 * error of the host.
 *
 * Call it while a queue runs, on that queue's thread or the device's. The driver can
 * read the configuration space during the call.
 */
VIRTDEV_API int virtdev_region_map(struct virtdev *dev,
				   const struct virtdev_mapping *m,
				   uint64_t cookie) VSU_NODISCARD;
VIRTDEV_API int virtdev_region_unmap(struct virtdev *dev,
				     const struct virtdev_mapping *m,
				     uint64_t cookie) VSU_NODISCARD;

/*
 * For models: the guest address of a region. -EOPNOTSUPP: the server does not know the
 * address, as always with vhost-user; -EINVAL: no such region.
 */
VIRTDEV_API int virtdev_region_address(struct virtdev *dev, uint8_t region,
				       uint64_t *gpa) VSU_NODISCARD;

/* Stop its queues first. */
VIRTDEV_API void virtdev_free(struct virtdev *dev);

/* For servers. NULL removes the server. -EBUSY: the device has another one, which remains. */
VIRTDEV_API int virtdev_set_server(struct virtdev *dev, const struct virtdev_server_ops *ops,
				   void *opaque) VSU_NODISCARD;

VIRTDEV_API const char *virtdev_name(const struct virtdev *dev);
VIRTDEV_API const struct virtdev_info *virtdev_get_info(const struct virtdev *dev);

/*
 * The features that the driver acknowledged. -EBADMSG, naming a bit: one was
 * not offered, or the device requires one that is missing.
 */
VIRTDEV_API int virtdev_set_features(struct virtdev *dev, uint64_t features,
				     struct vsu_error *err) VSU_NODISCARD;

/*
 * Configuration space. Bytes beyond its end read as 0 and ignore writes.
 * config_write: -EPERM: read-only field; -EBADMSG: invalid value.
 */
VIRTDEV_API void virtdev_config_read(struct virtdev *dev, uint32_t off,
				     void *buf, uint32_t len);
VIRTDEV_API int virtdev_config_write(struct virtdev *dev, uint32_t off,
				     const void *buf, uint32_t len)
	VSU_NODISCARD;

/* -EINVAL: no such queue, or q is NULL. */
VIRTDEV_API int virtdev_queue_start(struct virtdev *dev, uint32_t queue,
				    struct vq *q, struct vsu_error *err)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_queue_serve(struct virtdev *dev, uint32_t queue)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_queue_drain(struct virtdev *dev, uint32_t queue)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_queue_stop(struct virtdev *dev, uint32_t queue);
VIRTDEV_API void virtdev_queue_reset(struct virtdev *dev, uint32_t queue);
VIRTDEV_API int virtdev_queue_host_fd(struct virtdev *dev, uint32_t queue);
VIRTDEV_API bool virtdev_queue_blocks(const struct virtdev *dev);
VIRTDEV_API void virtdev_reset(struct virtdev *dev);
/* Optional before a reset: does a few ms of its work. 1: call again. */
VIRTDEV_API int virtdev_reset_turn(struct virtdev *dev) VSU_NODISCARD;

/* Drain and stop all queues first. No effect if the device is paused. */
VIRTDEV_API void virtdev_pause(struct virtdev *dev);
VIRTDEV_API void virtdev_resume(struct virtdev *dev);

/*
 * Stores the state of a paused device in *len bytes, to be freed by free(). -ENOMEM;
 * -EFBIG: more than VIRTDEV_STATE_MAX; -EOPNOTSUPP: err names the part of the state
 * that cannot be transferred.
 */
#define VIRTDEV_STATE_MAX (16u << 20)
VIRTDEV_API VSU_NODISCARD int virtdev_state_take(struct virtdev *dev,
		void **bytes, size_t *len, struct vsu_error *err);
/*
 * Loads a state into a device of the same kind that is new or was reset. The
 * bytes are untrusted: -EBADMSG, without effect, if they are not a valid state.
 * -EOPNOTSUPP: of a later version; -ENOENT: the state refers to something that
 * this host lacks. In turns: state.h.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_state_load(struct virtdev *dev,
		const void *bytes, size_t len, struct vsu_error *err);

/* Stores up to max statistics of the device; returns their total. Any thread. */
VIRTDEV_API uint32_t virtdev_stats(struct virtdev *dev,
				   struct virtdev_stat *stats, uint32_t max);

/* For servers: the result of a region_change that returned 1. The device's thread. */
VIRTDEV_API void virtdev_region_done(struct virtdev *dev, uint64_t cookie,
				     int result);

VSU_END_DECLS
#endif
