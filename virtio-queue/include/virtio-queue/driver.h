/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver side of a virtqueue, in memory that this process shares with a device:
 * for clients of vhost-user back-ends, tests and tools.
 *
 *   layout   offsets of the three areas of a ring, stored one after the other
 *   buffer   a piece of guest memory that the device may read or write
 *   cookie   a number of the caller that identifies a request
 *
 * The device is not trusted: values that it stores in the ring are checked before use.
 *
 * A driver's loop, with the eventfds kick and call that the device has:
 *
 *	while (vq_driver_add(d, buffers, n, cookie) == 0)	until -ENOSPC
 *		...
 *	if (vq_driver_publish(d))
 *		vsu_event_signal(kick);
 *	poll(call);
 *	vsu_event_drain(call, NULL);
 *	do {
 *		while ((rc = vq_driver_collect(d, &cookie, &written)) == 1)
 *			...					the request is complete
 *	} while (!rc && vq_driver_enable_call(d));		then from the beginning
 *
 * If a vhost-user back-end is replaced (connect and back of vhost/frontend.h), the ring
 * and its requests stay as they are, and vq_driver_inflight() still counts them:
 *
 *	back(rings_lost false)	signal the kick, and collect: the replacement continues.
 *				A lost back-end may have completed requests without a call.
 *	back(rings_lost true)	the position in the ring is unknown: vq_driver_reset(),
 *				vhost_user_frontend_set_ring() and _start(), then add the
 *				requests again. They may have been executed before.
 *
 * Threads: confined to one thread at a time.
 */
#ifndef VIRTIO_QUEUE_DRIVER_H
#define VIRTIO_QUEUE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-queue/features.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vq_driver;

/* Offsets of the areas of a ring from its start, and its total size. */
struct vq_layout {
	uint64_t desc, driver, device;
	uint64_t size;		/* bytes, a multiple of 16 */
};

/* -EINVAL: a size that the ring's format does not permit. */
VQ_API int vq_ring_layout(uint32_t size, uint64_t features,
			  struct vq_layout *out) VSU_NODISCARD;

/* Fixed layout. Configuration of a ring. */
struct vq_driver_config {
	struct vmem_map *map;	/* the guest memory; referenced */
	uint64_t gpa;		/* of the ring, a multiple of 16; 4096 advised */
	uint64_t features;	/* negotiated, VQ_F_* */
	uint32_t size;
	uint32_t indirect_max;	/* entries of the indirect table of a request; 0: no
				   indirect chains. Requires VQ_F_INDIRECT_DESC */
	uint64_t indirect_gpa;	/* of the tables: size * indirect_max * 16 bytes */
};

/* Fixed layout. */
struct vq_buffer {
	uint64_t gpa;
	uint32_t len;
	uint32_t writable;	/* not 0: the device may write it, else read it */
};

/* Creates a ring: clears and initialises its memory. */
VQ_API int vq_driver_new(const struct vq_driver_config *config,
			 struct vq_driver **out, struct vsu_error *err)
	VSU_NODISCARD;
VQ_API void vq_driver_free(struct vq_driver *driver);

/*
 * Initialises the ring again and drops all requests. Call it after a reset of the
 * device or (VQ_F_RING_RESET) of the queue.
 */
VQ_API void vq_driver_reset(struct vq_driver *driver);

/* Guest addresses of the areas, for SET_VRING_ADDR and registers. */
VQ_API uint64_t vq_driver_desc_gpa(const struct vq_driver *driver);
VQ_API uint64_t vq_driver_driver_gpa(const struct vq_driver *driver);
VQ_API uint64_t vq_driver_device_gpa(const struct vq_driver *driver);

/*
 * Adds a request of n buffers, the readable ones first. The device sees it after
 * vq_driver_publish(). -ENOSPC: the ring has no room now; -EINVAL: invalid order or
 * number of buffers.
 */
VQ_API int vq_driver_add(struct vq_driver *driver,
			 const struct vq_buffer *buffers, unsigned int n,
			 uint64_t cookie) VSU_NODISCARD;

/* Makes all added requests visible. True: the device requested a kick. */
VQ_API bool vq_driver_publish(struct vq_driver *driver);

/*
 * The value that a driver writes to the notification register for the ring with this
 * index: the index and, with VQ_F_NOTIFICATION_DATA, the driver's position in the upper
 * half.
 */
VQ_API uint32_t vq_driver_notification(const struct vq_driver *driver,
				       uint16_t index);

/*
 * Gets the next completed request: 1, with its cookie and the number of bytes that
 * the device reports as written; 0: none; -EBADMSG: the device stored invalid values,
 * and the ring is unusable until vq_driver_reset().
 */
VQ_API int vq_driver_collect(struct vq_driver *driver, uint64_t *cookie,
			     uint32_t *written) VSU_NODISCARD;

/* Requests no notifications. The device may still notify. */
VQ_API void vq_driver_disable_call(struct vq_driver *driver);

/*
 * Requests a notification of the next completed request. True: one may already be
 * completed, so call vq_driver_collect() again.
 */
VQ_API bool vq_driver_enable_call(struct vq_driver *driver) VSU_NODISCARD;

/* Number of requests that the device has not completed. */
VQ_API unsigned int vq_driver_inflight(const struct vq_driver *driver);

VSU_END_DECLS

#endif
