/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The virtio-mmio transport, version 2, as a register model (VIRTIO 1.3,
 * section 4.2): accesses go in, and what they ask for comes out through ops.
 * It maps nothing, waits for nothing and knows no thread.
 *
 *   register   aligned 32-bit accesses below VIRTDEV_MMIO_CONFIG; others read
 *              0 and store nothing
 *   config     from there on, any width, the device's configuration space
 *   interrupt  a status word (bit 0: used buffers, bit 1: configuration);
 *              virtdev_mmio_interrupt() sets bits from any thread
 *
 * What a driver may do when follows the specification and nothing else:
 * features are written before FEATURES_OK only, a queue is set up before it
 * is ready only, status bits are added and cleared by a reset only, unknown
 * queues read as absent.
 *
 * Threads: confined, except for virtdev_mmio_interrupt() and accesses to the
 * interrupt status and its acknowledgement, which are atomic.
 */
#ifndef VIRTIO_DEVICES_MMIO_H
#define VIRTIO_DEVICES_MMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_mmio;

#define VIRTDEV_MMIO_SIZE	0x1000u	/* bytes of address space it takes */
#define VIRTDEV_MMIO_CONFIG	0x100u
#define VIRTDEV_MMIO_NOTIFY	0x050u	/* where a queue's number is stored */

#define VIRTDEV_MMIO_INT_USED	0x1u
#define VIRTDEV_MMIO_INT_CONFIG	0x2u

/* What the owner does; called from inside an access. NULL: nothing. */
struct virtdev_mmio_ops {
	size_t size;		/* sizeof(struct virtdev_mmio_ops) */

	/*
	 * DRIVER_OK was set: features are acknowledged, queues set up. Negative
	 * means that the device cannot work: it then asks for a reset.
	 */
	int (*activate)(void *opaque, uint64_t features);

	/* The driver reset the device: when this returns nothing of it runs. */
	void (*reset)(void *opaque);

	/* A notification that no ioeventfd took. */
	void (*notify)(void *opaque, uint32_t queue);

	/* The interrupt status became or stays not 0: raise the line. */
	void (*interrupt)(void *opaque);

	/*
	 * A shared memory region of the device: true with its guest address and
	 * length in bytes, false when it has none of that id.
	 */
	bool (*shared_region)(void *opaque, uint32_t id, uint64_t *base,
			      uint64_t *len);
};

/* dev is borrowed and outlives the transport. */
VIRTDEV_API int virtdev_mmio_new(struct virtdev *dev,
				 const struct virtdev_mmio_ops *ops,
				 void *opaque, struct virtdev_mmio **out);
VIRTDEV_API void virtdev_mmio_free(struct virtdev_mmio *m);

/* An access of 1, 2, 4 or 8 bytes; offset counts from the transport's base. */
VIRTDEV_API uint64_t virtdev_mmio_read(struct virtdev_mmio *m, uint64_t offset,
				       uint32_t len);
VIRTDEV_API void virtdev_mmio_write(struct virtdev_mmio *m, uint64_t offset,
				    uint32_t len, uint64_t value);

/* Sets bits of the interrupt status and raises the line. Any thread. */
VIRTDEV_API void virtdev_mmio_interrupt(struct virtdev_mmio *m, uint32_t bits);

/*
 * The configuration space changed: the generation counts on and the driver is
 * told.
 */
VIRTDEV_API void virtdev_mmio_config_changed(struct virtdev_mmio *m);

/* The device cannot go on: DEVICE_NEEDS_RESET, and the driver is told. */
VIRTDEV_API void virtdev_mmio_needs_reset(struct virtdev_mmio *m);

/* How the driver set a queue up; false when it did not make it ready. */
VIRTDEV_API bool virtdev_mmio_queue(const struct virtdev_mmio *m,
				    uint32_t queue, struct vq_config *config);

/* The status register. */
VIRTDEV_API uint32_t virtdev_mmio_status(const struct virtdev_mmio *m);

VSU_END_DECLS

#endif
