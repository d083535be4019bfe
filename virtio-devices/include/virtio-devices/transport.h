/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Common part of all VIRTIO transports (VIRTIO 1.3, sections 2 and 3): the
 * device status, features, the set-up of queues, the reset, and the generation
 * of the configuration space.
 *
 *   transport  the state between one device and one driver; opaque
 *   owner      the VMM: starts and resets the server of the queues
 *              (struct virtdev_transport_ops), and reports interrupts
 *   registers  the register interface of the driver, such as mmio.h: decodes
 *              accesses, calls the functions "for register interfaces", and
 *              raises interrupts (struct virtdev_register_ops)
 *
 * Writes that the specification does not allow in the current state are
 * ignored: features can be written until FEATURES_OK. A queue can be set up
 * until it is ready, before DRIVER_OK or after a reset of the queue. Only a
 * reset of the device clears status bits.
 *
 * Threads: confined, except for virtdev_transport_interrupt(), which may be
 * called on any thread while the register interface exists.
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

/* Source of an interrupt, in place of a queue: the configuration changed. */
#define VIRTDEV_INTERRUPT_CONFIG UINT32_MAX

/*
 * Callbacks of the owner, called during an access. activate, reset, notify, queue_reset and
 * queue_start may be NULL if the device has a server (server.h), which implements them. Any
 * other callback may be NULL: no effect.
 */
struct virtdev_transport_ops {
	size_t size;		/* sizeof(struct virtdev_transport_ops) */

	/*
	 * Feature bits 37 to 49 that the owner supports. The transport offers
	 * such a bit only if the device, the owner and the register interface
	 * support it; VQ_F_RING_RESET does not require the device's support.
	 */
	uint64_t features;

	/*
	 * The driver set DRIVER_OK; features and queues are set up. Negative: the
	 * device cannot work, and the transport sets DEVICE_NEEDS_RESET.
	 */
	int (*activate)(void *opaque, uint64_t features);

	/*
	 * The driver reset the device. 0: the device has stopped. 1: it is still
	 * stopping; the owner calls virtdev_transport_reset_done() later. Until
	 * then the status reads as before, and another reset calls this again.
	 */
	int (*reset)(void *opaque);

	/*
	 * A reset whose callback returned 1 is complete, and the status reads 0.
	 * The owner may resume a CPU that waited for the reset. Called by
	 * virtdev_transport_reset_done().
	 */
	void (*reset_finished)(void *opaque);

	/* The driver notified a queue by an access, not by an eventfd. */
	void (*notify)(void *opaque, uint32_t queue);

	/*
	 * Returns the guest address and the length in bytes of a shared memory
	 * region of the device; false: the device has no region with this id.
	 */
	bool (*shared_region)(void *opaque, uint32_t id, uint64_t *base,
			      uint64_t *len);

	/*
	 * The driver resets one queue of a running device (VIRTIO 1.3, section
	 * 2.6.1). Results as reset; after 1 the owner calls
	 * virtdev_transport_queue_reset_done(). To offer VQ_F_RING_RESET, set
	 * queue_reset, queue_start and the bit in features.
	 */
	int (*queue_reset)(void *opaque, uint32_t queue);
	/* The driver enabled a queue after its reset. Result as activate. */
	int (*queue_start)(void *opaque, uint32_t queue);
};

/* How to perform a register access; see mmio.h and pci.h. */
enum virtdev_access {
	VIRTDEV_ACCESS_ANY,	/* on any thread, also at the same time as others */
	VIRTDEV_ACCESS_PLAIN,	/* on the transport's thread; changes registers only */
	VIRTDEV_ACCESS_CONTROL,	/* on the transport's thread; may call activate and reset */
};

/*
 * dev is borrowed; after virtdev_free() the transport may only be freed. ops may be NULL:
 * no callbacks. -EBUSY: dev is behind another transport.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_transport_new(struct virtdev *dev,
		const struct virtdev_transport_ops *ops, void *opaque,
		struct virtdev_transport **out, struct vsu_error *err);
/* Free its register interface first. */
VIRTDEV_API void virtdev_transport_free(struct virtdev_transport *t);

/* ------------------------------------------------------------ for the owner */

VIRTDEV_API struct virtdev *virtdev_transport_device(
		const struct virtdev_transport *t);

/*
 * Stores the configuration of a queue as the driver set it up: acknowledged
 * features, addresses, size and first index of the ring. False: the driver has
 * not set up the queue.
 */
VIRTDEV_API bool virtdev_transport_queue(const struct virtdev_transport *t,
					 uint32_t queue,
					 struct vq_config *config);

/* source: a queue with used buffers, or VIRTDEV_INTERRUPT_CONFIG. Any thread. */
VIRTDEV_API void virtdev_transport_interrupt(struct virtdev_transport *t,
					     uint32_t source);

/* Increments the generation, and notifies the driver if DRIVER_OK is set. */
VIRTDEV_API void virtdev_transport_config_changed(struct virtdev_transport *t);

/* The device failed: requests a reset from the driver (DEVICE_NEEDS_RESET). */
VIRTDEV_API void virtdev_transport_needs_reset(struct virtdev_transport *t);

/* True while a reset waits for virtdev_transport_reset_done(). */
VIRTDEV_API bool virtdev_transport_is_resetting(
		const struct virtdev_transport *t);
VIRTDEV_API void virtdev_transport_reset_done(struct virtdev_transport *t);
VIRTDEV_API void virtdev_transport_queue_reset_done(struct virtdev_transport *t,
						    uint32_t queue);

/* -------------------------------------------------- for register interfaces */

struct virtdev_register_ops {
	size_t size;		/* sizeof(struct virtdev_register_ops) */
	uint64_t features;	/* supported bits of 37 to 49 */
	/* Notifies the driver; see virtdev_transport_interrupt(). Any thread. */
	void (*interrupt)(void *registers, uint32_t source);
	/* Sets the registers as at power-on. */
	void (*reset)(void *registers);
	/* Save and load the interface's own registers (state.h). */
	void (*state_save)(void *registers, struct virtdev_state_writer *w);
	int (*state_load)(void *registers, struct virtdev_state_reader *r,
			  struct vsu_error *err);
};

/* -EBUSY: the transport has a register interface already. ops NULL: removes it. */
VIRTDEV_API VSU_NODISCARD int virtdev_transport_set_registers(
		struct virtdev_transport *t,
		const struct virtdev_register_ops *ops, void *registers,
		struct vsu_error *err);

VIRTDEV_API uint32_t virtdev_transport_status(
		const struct virtdev_transport *t);
/* A store to the status; 0 is a reset. */
VIRTDEV_API void virtdev_transport_set_status(struct virtdev_transport *t,
					      uint32_t value);

/* Features offered to the driver, and features that the driver wrote. */
VIRTDEV_API uint64_t virtdev_transport_offered(
		const struct virtdev_transport *t);
VIRTDEV_API uint64_t virtdev_transport_features(
		const struct virtdev_transport *t);
/* word 0: bits 0 to 31; 1: bits 32 to 63; a write to another word is ignored. */
VIRTDEV_API void virtdev_transport_set_features(struct virtdev_transport *t,
						uint32_t word, uint32_t value);

enum virtdev_queue_area {
	VIRTDEV_QUEUE_DESC,	/* descriptor table or ring */
	VIRTDEV_QUEUE_DRIVER,	/* available ring or driver event area */
	VIRTDEV_QUEUE_DEVICE,	/* used ring or device event area */
};

/* For a queue that the device does not have, reads return 0 and writes are ignored. */
VIRTDEV_API uint32_t virtdev_transport_queue_size_max(
		const struct virtdev_transport *t, uint32_t queue);
VIRTDEV_API uint32_t virtdev_transport_queue_size(
		const struct virtdev_transport *t, uint32_t queue);
VIRTDEV_API bool virtdev_transport_queue_ready(
		const struct virtdev_transport *t, uint32_t queue);
VIRTDEV_API uint64_t virtdev_transport_queue_area(
		const struct virtdev_transport *t, uint32_t queue,
		enum virtdev_queue_area area);
/* Invalid sizes are ignored. */
VIRTDEV_API void virtdev_transport_set_queue_size(struct virtdev_transport *t,
						  uint32_t queue,
						  uint32_t size);
VIRTDEV_API void virtdev_transport_set_queue_ready(struct virtdev_transport *t,
						   uint32_t queue, bool ready);
/* Resets a ready queue, if VQ_F_RING_RESET was negotiated. */
VIRTDEV_API void virtdev_transport_reset_queue(struct virtdev_transport *t,
					       uint32_t queue);
/* True while a queue's reset waits for virtdev_transport_queue_reset_done(). */
VIRTDEV_API bool virtdev_transport_queue_resets(
		const struct virtdev_transport *t, uint32_t queue);
/* word 0: the lower half of the address, 1: the upper. */
VIRTDEV_API void virtdev_transport_set_queue_area(struct virtdev_transport *t,
						  uint32_t queue,
						  enum virtdev_queue_area area,
						  uint32_t word,
						  uint32_t value);

/*
 * A store to a notification register: the queue's number, with the driver's position
 * if NOTIFICATION_DATA was negotiated.
 */
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

/* Base and length have all bits set if the region does not exist. */
VIRTDEV_API void virtdev_transport_shared_region(struct virtdev_transport *t,
						 uint32_t id, uint64_t *base,
						 uint64_t *len);

VSU_END_DECLS

#endif
