/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Virtio-mmio, version 2 (VIRTIO 1.3, section 4.2): a register interface of a
 * transport (transport.h). The caller passes the guest's accesses; no function
 * maps memory or blocks.
 *
 *   register   below VIRTDEV_MMIO_CONFIG, for aligned 32-bit accesses; other
 *              accesses read 0 and store nothing
 *   config     from VIRTDEV_MMIO_CONFIG on: the device's configuration space, for
 *              accesses of any width
 *   interrupt  a status word (bit 0: used buffers, bit 1: configuration) and
 *              one eventfd, usually an irqfd of KVM, whose signals raise the line
 *
 * Threads: virtdev_mmio_class() returns on which threads an access may run. The other
 * functions are confined.
 */
#ifndef VIRTIO_DEVICES_MMIO_H
#define VIRTIO_DEVICES_MMIO_H

#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/transport.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_mmio;

#define VIRTDEV_MMIO_SIZE	0x1000u	/* bytes of address space */
#define VIRTDEV_MMIO_CONFIG	0x100u
#define VIRTDEV_MMIO_NOTIFY	0x050u	/* a store of a queue's number notifies it */

#define VIRTDEV_MMIO_INT_USED	0x1u
#define VIRTDEV_MMIO_INT_CONFIG	0x2u

/* The transport is borrowed, outlives m and has no other register interface. */
VIRTDEV_API VSU_NODISCARD int virtdev_mmio_new(struct virtdev_transport *t,
					       struct virtdev_mmio **out,
					       struct vsu_error *err);
VIRTDEV_API void virtdev_mmio_free(struct virtdev_mmio *m);

/*
 * Returns the eventfd of the interrupt line, constant and borrowed. It is signalled at
 * each interrupt, and when the driver acknowledges some but not all status bits.
 */
VIRTDEV_API int virtdev_mmio_irq_fd(const struct virtdev_mmio *m);

/* Returns on which threads an access may run (transport.h). Any thread. */
VIRTDEV_API enum virtdev_access virtdev_mmio_class(uint64_t offset,
						   uint32_t len, bool write);

/* An access of 1, 2, 4 or 8 bytes; offset counts from the registers' base. */
VIRTDEV_API uint64_t virtdev_mmio_read(struct virtdev_mmio *m, uint64_t offset,
				       uint32_t len);
VIRTDEV_API void virtdev_mmio_write(struct virtdev_mmio *m, uint64_t offset,
				    uint32_t len, uint64_t value);

VSU_END_DECLS

#endif
