/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Virtio-mmio, version 2 (VIRTIO 1.3, section 4.2): a register interface of a
 * transport (transport.h). The caller passes the guest's accesses; no function
 * maps memory or blocks.
 *
 *   register   aligned 32-bit accesses below VIRTDEV_MMIO_CONFIG; others read
 *              0 and store nothing
 *   config     from there on, any width, the device's configuration space
 *   interrupt  a status word (bit 0: used buffers, bit 1: configuration) and
 *              one line, which is a signal on an eventfd: an irqfd of KVM
 *
 * Threads: as virtdev_mmio_class() says of each access; the rest confined.
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
 * The eventfd that is signalled when the interrupt status becomes or stays not
 * 0: raise the line. Constant, borrowed.
 */
VIRTDEV_API int virtdev_mmio_irq_fd(const struct virtdev_mmio *m);

/* How an access has to be carried out. Any thread. */
VIRTDEV_API enum virtdev_access virtdev_mmio_class(uint64_t offset,
						   uint32_t len, bool write);

/* An access of 1, 2, 4 or 8 bytes; offset counts from the registers' base. */
VIRTDEV_API uint64_t virtdev_mmio_read(struct virtdev_mmio *m, uint64_t offset,
				       uint32_t len);
VIRTDEV_API void virtdev_mmio_write(struct virtdev_mmio *m, uint64_t offset,
				    uint32_t len, uint64_t value);

VSU_END_DECLS

#endif
