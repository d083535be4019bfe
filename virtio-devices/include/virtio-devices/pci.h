/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Virtio over PCI (VIRTIO 1.3, section 4.1): a register interface of a transport
 * (transport.h), one modern function of type 0. The owner has the host bridge and
 * passes accesses to configuration space and BAR 0; callbacks report interrupts
 * and moved BARs. No function maps memory or blocks.
 *
 *   BAR 0  64 bits, VIRTDEV_PCI_BAR0_SIZE bytes of registers: common
 *          configuration, ISR status, the device's configuration, a
 *          notification address for each queue, MSI-X table and pending bits
 *   BAR 2  64 bits, prefetchable: the shared memory regions. The owner maps
 *          the memory itself; absent without regions
 *
 * Interrupts are MSI-X messages, with the vectors that the driver assigned to the
 * queues and the configuration. Until the driver enables MSI-X, or if the owner has no
 * message callback, they are INTx with the ISR status. An interrupt of a masked vector
 * sets its pending bit.
 *
 * Threads: virtdev_pci_class() returns on which threads an access to BAR 0 may run.
 * Writes to configuration space are of the class VIRTDEV_ACCESS_CONTROL. Any thread may
 * call virtdev_pci_class() and virtdev_pci_intx(). The other functions are confined.
 */
#ifndef VIRTIO_DEVICES_PCI_H
#define VIRTIO_DEVICES_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/transport.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_pci;

#define VIRTDEV_PCI_CONFIG_SIZE	0x100u	/* bytes of configuration space */
#define VIRTDEV_PCI_BAR0_SIZE	0x10000u
#define VIRTDEV_PCI_NOTIFY	0x3000u	/* offset in BAR 0, for queue 0 */
#define VIRTDEV_PCI_NOTIFY_STEP	4u	/* bytes from a queue to the next */
#define VIRTDEV_PCI_VECTORS	2048u	/* maximum of MSI-X */
#define VIRTDEV_PCI_QUEUES	1024u	/* capacity of BAR 0 */
#define VIRTDEV_PCI_REGIONS	3u	/* maximum shared memory regions */

#define VIRTDEV_PCI_UNPLACED	UINT64_MAX /* address of a BAR that is not decoded */

/* A shared memory region in BAR 2; both in bytes and page-aligned. */
struct virtdev_pci_region {
	uint64_t offset, len;
	uint8_t id;
};

struct virtdev_pci_config {
	size_t size;		/* sizeof(struct virtdev_pci_config) */
	/*
	 * MSI-X vectors; 0: one for each queue and one for the configuration. Ignored
	 * without a message callback.
	 */
	uint32_t vectors;
	/* Regions that do not overlap; copied. */
	const struct virtdev_pci_region *regions;
	uint32_t nregions;
};

/* Callbacks of the owner. NULL: no callback. */
struct virtdev_pci_ops {
	size_t size;		/* sizeof(struct virtdev_pci_ops) */

	/*
	 * The interrupt of this vector is raised. Any thread. NULL: the function has no
	 * MSI-X capability, and its driver uses INTx.
	 */
	void (*message)(void *opaque, uint32_t vector);

	/*
	 * The message of an unmasked vector differs from the last reported one. Called
	 * during an access.
	 */
	void (*route)(void *opaque, uint32_t vector, uint64_t address,
		      uint32_t data);

	/*
	 * The ISR status is not 0 and INTx is in use: the line is high while
	 * virtdev_pci_intx() returns true. Any thread.
	 */
	void (*intx)(void *opaque);

	/*
	 * BAR 0 or 2 is decoded at this guest address, or not at all
	 * (VIRTDEV_PCI_UNPLACED). Called during a write to configuration space.
	 */
	void (*bar_moved)(void *opaque, unsigned int bar, uint64_t gpa);

	/*
	 * Follows the last route() of an access: one access can change all
	 * vectors, and the owner may install their routes by one system call.
	 * Messages by these routes are sent afterwards.
	 */
	void (*route_done)(void *opaque);
};

/*
 * The transport is borrowed, outlives p and has no other register interface.
 * -EINVAL: too many queues, vectors or regions, or regions that overlap.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_pci_new(struct virtdev_transport *t,
		const struct virtdev_pci_config *config,
		const struct virtdev_pci_ops *ops, void *opaque,
		struct virtdev_pci **out, struct vsu_error *err);
VIRTDEV_API void virtdev_pci_free(struct virtdev_pci *p);

/* Aligned accesses of 1, 2 or 4 bytes to configuration space; others read all ones. */
VIRTDEV_API uint32_t virtdev_pci_config_read(struct virtdev_pci *p,
					     uint32_t offset, uint32_t len);
VIRTDEV_API void virtdev_pci_config_write(struct virtdev_pci *p,
					  uint32_t offset, uint32_t len,
					  uint32_t value);

/* The address of a decoded BAR, or VIRTDEV_PCI_UNPLACED. */
VIRTDEV_API uint64_t virtdev_pci_bar(const struct virtdev_pci *p,
				     unsigned int bar);
/*
 * Stores the address of a BAR as firmware does; it is decoded once the driver
 * enables memory.
 */
VIRTDEV_API void virtdev_pci_place_bar(struct virtdev_pci *p, unsigned int bar,
				       uint64_t gpa);

/* Returns on which threads an access to BAR 0 may run (transport.h). Any thread. */
VIRTDEV_API enum virtdev_access virtdev_pci_class(uint64_t offset,
						  uint32_t len, bool write);

/* An access to BAR 0 of 1, 2, 4 or 8 bytes. */
VIRTDEV_API uint64_t virtdev_pci_read(struct virtdev_pci *p, uint64_t offset,
				      uint32_t len);
VIRTDEV_API void virtdev_pci_write(struct virtdev_pci *p, uint64_t offset,
				   uint32_t len, uint64_t value);

/* True while the INTx line is high. Any thread. */
VIRTDEV_API bool virtdev_pci_intx(const struct virtdev_pci *p);

VSU_END_DECLS

#endif
