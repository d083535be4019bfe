/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtqueue from the driver's side, in memory that this process shares with
 * a device: for clients of vhost-user back-ends, tests and tools.
 *
 *   layout   where the three areas of a ring lie, behind one another
 *   buffer   a piece of guest memory that the device may read or write
 *   cookie   the caller's own number for a request, given back with it
 *
 * The device is not trusted: what it writes into the ring is checked, and
 * nothing of ours is indexed by it unchecked.
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

/* Offsets of the areas of a ring from its beginning, and what it takes. */
struct vq_layout {
	uint64_t desc, driver, device;
	uint64_t size;		/* bytes, a multiple of 16 */
};

/* -EINVAL for a size the format does not allow. */
VQ_API int vq_ring_layout(uint32_t size, uint64_t features,
			  struct vq_layout *out) VSU_NODISCARD;

/* Frozen. A ring that a driver makes. */
struct vq_driver_config {
	struct vmem_map *map;	/* the guest memory; referenced */
	uint64_t gpa;		/* of the ring, a multiple of 16; 4096 advised */
	uint64_t features;	/* negotiated, VQ_F_* */
	uint32_t size;
	uint32_t indirect_max;	/* entries of an indirect table per request; 0:
				   no indirect chains. Needs VQ_F_INDIRECT_DESC */
	uint64_t indirect_gpa;	/* size tables of indirect_max * 16 bytes */
};

/* Frozen. */
struct vq_buffer {
	uint64_t gpa;
	uint32_t len;
	uint32_t writable;	/* not 0: the device writes there */
};

/* Makes the ring: its memory is cleared and initialised. */
VQ_API int vq_driver_new(const struct vq_driver_config *config,
			 struct vq_driver **out, struct vsu_error *err)
	VSU_NODISCARD;
VQ_API void vq_driver_free(struct vq_driver *driver);

/*
 * The ring as it was at first, with all requests forgotten: after the device
 * or (VQ_F_RING_RESET) the queue was reset.
 */
VQ_API void vq_driver_reset(struct vq_driver *driver);

/* Guest addresses of the areas, for SET_VRING_ADDR and registers. */
VQ_API uint64_t vq_driver_desc_gpa(const struct vq_driver *driver);
VQ_API uint64_t vq_driver_driver_gpa(const struct vq_driver *driver);
VQ_API uint64_t vq_driver_device_gpa(const struct vq_driver *driver);

/*
 * Adds a request of n buffers, the readable ones first. -ENOSPC when the ring
 * has no room for it now; -EINVAL for an order or number that is illegal.
 * The device sees it after vq_driver_publish().
 */
VQ_API int vq_driver_add(struct vq_driver *driver,
			 const struct vq_buffer *buffers, unsigned int n,
			 uint64_t cookie) VSU_NODISCARD;

/* Makes all added requests visible. True when the device wants a kick. */
VQ_API bool vq_driver_publish(struct vq_driver *driver);

/*
 * The value that a kick of ring number index carries: the number, and with
 * VQ_F_NOTIFICATION_DATA where the driver stands in its upper half.
 */
VQ_API uint32_t vq_driver_notification(const struct vq_driver *driver,
				       uint16_t index);

/*
 * The next finished request: 1, with its cookie and the bytes the device says
 * it wrote; 0 none; -EBADMSG the device broke the ring, for ever.
 */
VQ_API int vq_driver_collect(struct vq_driver *driver, uint64_t *cookie,
			     uint32_t *written) VSU_NODISCARD;

/* Asks the device for silence; it may call all the same. */
VQ_API void vq_driver_disable_call(struct vq_driver *driver);

/* Asks for a call at the next finished request; true: look again first. */
VQ_API bool vq_driver_enable_call(struct vq_driver *driver) VSU_NODISCARD;

/* Requests that the device has not given back. */
VQ_API unsigned int vq_driver_inflight(const struct vq_driver *driver);

VSU_END_DECLS

#endif
