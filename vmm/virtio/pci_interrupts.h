/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Interrupts of a function on the PCI bus: messages by its vectors, and an interrupt line.
 * They need no descriptors.
 *
 * Threads: any.
 */
#ifndef VMM_VIRTIO_PCI_INTERRUPTS_H
#define VMM_VIRTIO_PCI_INTERRUPTS_H

#include <stdint.h>

#include <virtio-devices/pci.h>

#include "virtio/virtio.h"

struct vmm_pci_interrupts;

/* resources are borrowed. */
int vmm_pci_interrupts_new(const struct vmm_virtio_resources *resources, uint32_t nvectors,
			   struct vmm_pci_interrupts **out, struct vsu_error *err);
/* Lowers the line. i may be NULL. */
void vmm_pci_interrupts_free(struct vmm_pci_interrupts *i);

/* The message of a vector, effective when it returns. */
void vmm_pci_interrupts_route(struct vmm_pci_interrupts *i, uint32_t vector, uint64_t address,
			      uint32_t data);
/* Nothing is sent before a route is set. A message that KVM refuses is logged once. */
void vmm_pci_interrupts_send(struct vmm_pci_interrupts *i, uint32_t vector);

/* Sets the line to that of the function; call it after each change of virtdev_pci_intx(). */
void vmm_pci_interrupts_set_line(struct vmm_pci_interrupts *i, const struct virtdev_pci *pci);

#endif
