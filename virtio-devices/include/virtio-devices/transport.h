/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Common part of all VIRTIO transports (VIRTIO 1.3, sections 2 and 3): the
 * device status, the windows in which features and queues may be written, the
 * reset, and the generation of the configuration space.
 *
 *   transport  the state between one device and one driver; opaque
 *   owner      the VMM: starts and resets what serves the queues
 *              (struct virtdev_transport_ops), and reports interrupts
 *   face       the registers that the driver sees, such as mmio.h: it decodes
 *              accesses, calls the functions "for faces", and shows interrupts
 *              its own way (struct virtdev_face_ops)
 *
 * A driver may do what the specification allows in a state and nothing else:
 * features are written before FEATURES_OK only, a queue is set up before it
 * is ready only, status bits are added, and cleared by a reset only. A write
 * that is not allowed is ignored.
 *
 * Threads: confined, except for virtdev_transport_interrupt(), which may be
 * called on any thread while the face exists.
 */
#ifndef VIRTIO_DEVICES_TRANSPORT_H
#define VIRTIO_DEVICES_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/ids.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_state_reader;
struct virtdev_state_writer;
struct virtdev_transport;

/* The source of an interrupt that is no queue: the configuration changed. */
#define VIRTDEV_INTERRUPT_CONFIG UINT32_MAX

/*
 * Callbacks of the owner, from inside an access. A device that virtdev_inline
 * serves needs none of activate, reset, notify, queue_reset and queue_start:
 * inline.h does their work where they are NULL. Otherwise NULL: nothing.
 */
struct virtdev_transport_ops {
	size_t size;		/* sizeof(struct virtdev_transport_ops) */

	/*
	 * Feature bits 37 to 49 that the owner does, as far as the face does
	 * them too; all others of these are kept from the driver, because they
	 * ask the transport and not the device.
	 */
	uint64_t features;

	/*
	 * DRIVER_OK was set: features are acknowledged, queues set up. Negative
	 * means that the device cannot work: it then asks for a reset.
	 */
	int (*activate)(void *opaque, uint64_t features);

	/*
	 * The driver reset the device. 0: nothing of it runs any more; 1: that
	 * takes time, and virtdev_transport_reset_done() is called later.
	 * Until then the status reads as before, and another reset asks again.
	 */
	int (*reset)(void *opaque);

	/*
	 * A reset that took time is complete: the status reads 0. The caller may
	 * continue a CPU that waited for it. Called by
	 * virtdev_transport_reset_done().
	 */
	void (*reset_finished)(void *opaque);

	/* A notification that came as an access. */
	void (*notify)(void *opaque, uint32_t queue);

	/*
	 * A shared memory region of the device: true with its guest address and
	 * length in bytes, false when it has none of that id.
	 */
	bool (*shared_region)(void *opaque, uint32_t id, uint64_t *base,
			      uint64_t *len);

	/*
	 * The driver resets one queue of a device that runs (VIRTIO 1.3, section
	 * 2.6.1): as reset, with virtdev_transport_queue_reset_done(). With this
	 * and queue_start, VQ_F_RING_RESET may be in features and is offered
	 * independent of the device: its queues start and stop one by one.
	 */
	int (*queue_reset)(void *opaque, uint32_t queue);
	/* A queue that was reset is ready again; negative as activate. */
	int (*queue_start)(void *opaque, uint32_t queue);
};

/* How to perform a register access; see mmio.h and pci.h. */
enum virtdev_access {
	VIRTDEV_ACCESS_ANY,	/* atomic: on any thread, concurrently */
	VIRTDEV_ACCESS_PLAIN,	/* changes registers only */
	VIRTDEV_ACCESS_CONTROL,	/* may call activate and reset */
};

/* dev is borrowed and outlives the transport. ops may be NULL: no callbacks. */
VIRTDEV_API VSU_NODISCARD int virtdev_transport_new(struct virtdev *dev,
		const struct virtdev_transport_ops *ops, void *opaque,
		struct virtdev_transport **out, struct vsu_error *err);
/* After its face. */
VIRTDEV_API void virtdev_transport_free(struct virtdev_transport *t);

/* ------------------------------------------------------------ for the owner */

VIRTDEV_API struct virtdev *virtdev_transport_device(
		const struct virtdev_transport *t);

/*
 * Queue i as the driver set it up; false when it did not. config holds the
 * acknowledged features, the addresses, the size and where the ring begins.
 */
VIRTDEV_API bool virtdev_transport_queue(const struct virtdev_transport *t,
					 uint32_t queue,
					 struct vq_config *config);

/* Used buffers in that queue, or VIRTDEV_INTERRUPT_CONFIG. Any thread. */
VIRTDEV_API void virtdev_transport_interrupt(struct virtdev_transport *t,
					     uint32_t source);

/* Increments the generation and notifies the driver. */
VIRTDEV_API void virtdev_transport_config_changed(struct virtdev_transport *t);

/* The device broke; the driver is asked to reset it (DEVICE_NEEDS_RESET). */
VIRTDEV_API void virtdev_transport_needs_reset(struct virtdev_transport *t);

/* True from a reset that takes time until virtdev_transport_reset_done(). */
VIRTDEV_API bool virtdev_transport_is_resetting(
		const struct virtdev_transport *t);
VIRTDEV_API void virtdev_transport_reset_done(struct virtdev_transport *t);
VIRTDEV_API void virtdev_transport_queue_reset_done(struct virtdev_transport *t,
						    uint32_t queue);

/* ---------------------------------------------------------------- for faces */

struct virtdev_face_ops {
	size_t size;		/* sizeof(struct virtdev_face_ops) */
	uint64_t features;	/* bits 37 to 49 that the face does */
	/* Tells the driver; a queue's number or CONFIG. Any thread. */
	void (*interrupt)(void *face, uint32_t source);
	/* The registers are as at power-on. */
	void (*reset)(void *face);
	/* Registers that the transport does not know; as those of a model. */
	void (*state_save)(void *face, struct virtdev_state_writer *w);
	int (*state_load)(void *face, struct virtdev_state_reader *r,
			  struct vsu_error *err);
};

/* One face at a time: -EBUSY if there is one already. NULL takes it away. */
VIRTDEV_API VSU_NODISCARD int virtdev_transport_set_face(
		struct virtdev_transport *t,
		const struct virtdev_face_ops *ops, void *face,
		struct vsu_error *err);

VIRTDEV_API uint32_t virtdev_transport_status(
		const struct virtdev_transport *t);
/* A store to the status; 0 is a reset. */
VIRTDEV_API void virtdev_transport_set_status(struct virtdev_transport *t,
					      uint32_t value);

/* Features that are offered, and that the driver wants; words of 64 bits. */
VIRTDEV_API uint64_t virtdev_transport_offered(
		const struct virtdev_transport *t);
VIRTDEV_API uint64_t virtdev_transport_features(
		const struct virtdev_transport *t);
/* word 0: bits 0 to 31, 1: 32 to 63; others are ignored. */
VIRTDEV_API void virtdev_transport_set_features(struct virtdev_transport *t,
						uint32_t word, uint32_t value);

enum virtdev_queue_area {
	VIRTDEV_QUEUE_DESC,	/* descriptor table or ring */
	VIRTDEV_QUEUE_DRIVER,	/* available ring or driver event area */
	VIRTDEV_QUEUE_DEVICE,	/* used ring or device event area */
};

/* A queue that the device does not have reads as 0 and stores nothing. */
VIRTDEV_API uint32_t virtdev_transport_queue_size_max(
		const struct virtdev_transport *t, uint32_t queue);
VIRTDEV_API uint32_t virtdev_transport_queue_size(
		const struct virtdev_transport *t, uint32_t queue);
VIRTDEV_API bool virtdev_transport_queue_ready(
		const struct virtdev_transport *t, uint32_t queue);
VIRTDEV_API uint64_t virtdev_transport_queue_area(
		const struct virtdev_transport *t, uint32_t queue,
		enum virtdev_queue_area area);
/* A size that cannot work is not taken. */
VIRTDEV_API void virtdev_transport_set_queue_size(struct virtdev_transport *t,
						  uint32_t queue,
						  uint32_t size);
VIRTDEV_API void virtdev_transport_set_queue_ready(struct virtdev_transport *t,
						   uint32_t queue, bool ready);
/* Resets the queue, where that was agreed on and the queue is ready. */
VIRTDEV_API void virtdev_transport_reset_queue(struct virtdev_transport *t,
					       uint32_t queue);
/* True while a reset of the queue takes its time. */
VIRTDEV_API bool virtdev_transport_queue_resets(
		const struct virtdev_transport *t, uint32_t queue);
/* word 0: the lower half of the address, 1: the upper. */
VIRTDEV_API void virtdev_transport_set_queue_area(struct virtdev_transport *t,
						  uint32_t queue,
						  enum virtdev_queue_area area,
						  uint32_t word,
						  uint32_t value);

/* A store to a notification register: the queue's number, NOTIFICATION_DATA. */
VIRTDEV_API void virtdev_transport_notify(struct virtdev_transport *t,
					  uint32_t value);

VIRTDEV_API uint32_t virtdev_transport_generation(
		const struct virtdev_transport *t);

/* Configuration space as a register of 1, 2, 4 or 8 bytes, little-endian. */
VIRTDEV_API uint64_t virtdev_transport_config_read(struct virtdev_transport *t,
						   uint32_t off, uint32_t len);
VIRTDEV_API void virtdev_transport_config_write(struct virtdev_transport *t,
						uint32_t off, uint32_t len,
						uint64_t value);

/* Both are all ones when there is no such region. */
VIRTDEV_API void virtdev_transport_shared_region(struct virtdev_transport *t,
						 uint32_t id, uint64_t *base,
						 uint64_t *len);

VSU_END_DECLS

#endif
