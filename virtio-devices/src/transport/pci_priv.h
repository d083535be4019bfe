/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtio PCI function. Layers, from the bottom: common configuration (pci_common.c),
 * BAR 0 (pci_bar.c), configuration space (pci_config.c), the function (pci.c).
 */
#ifndef VIRTIO_DEVICES_PCI_PRIV_H
#define VIRTIO_DEVICES_PCI_PRIV_H

#include <virtio-devices/pci.h>

#include "transport/msix.h"
#include "transport/pci_space.h"

/* Areas of BAR 0. */
enum {
	PCI_COMMON = 0x0000, PCI_COMMON_LEN = 60, PCI_ISR = 0x1000,
	PCI_ISR_LEN = 1, PCI_CONFIG = 0x2000, PCI_CONFIG_LEN = 0x1000,
	PCI_NOTIFY = VIRTDEV_PCI_NOTIFY,
	PCI_NOTIFY_LEN = VIRTDEV_PCI_QUEUES * VIRTDEV_PCI_NOTIFY_STEP,
	PCI_TABLE = 0x4000, PCI_TABLE_LEN = VIRTDEV_PCI_VECTORS * MSIX_ENTRY,
	PCI_PENDING = 0xc000, PCI_PENDING_LEN = VIRTDEV_PCI_VECTORS / 8,
};

/* Fields of the common configuration whose writes may call the owner. */
#define PCI_COMMON_STATUS 20u
#define PCI_COMMON_ENABLE 28u
#define PCI_COMMON_RESET 58u
#define PCI_NO_VECTOR 0xffffu
#define PCI_REGION_BAR 2u

/* Bits of the ISR status. */
enum { PCI_ISR_QUEUE = 1, PCI_ISR_CONFIG = 2 };

struct virtdev_pci {
	struct virtdev_transport *t;
	struct virtdev_pci_ops ops;
	void *opaque;
	struct pci_space space;
	struct msix msix;
	bool msix_enabled;	/* atomic */
	bool no_intx;		/* atomic */
	uint32_t isr;		/* atomic */
	uint32_t offered_sel, wanted_sel, queue_sel;
	uint32_t window, msix_at;	/* capabilities; msix_at 0: no MSI-X */
	uint64_t region_len;	/* of BAR 2 */
	uint64_t told[PCI_REGION_BAR + 1];	/* reported addresses of the BARs */
	uint32_t nqueues;
	uint16_t config_vector;	/* atomic, as those of the queues */
	uint16_t vectors[];
};

/* Resets selectors, vectors and ISR status. */
void virtdev_pci_common_reset(struct virtdev_pci *p);
/* Accesses of other than the field's width read 0 and have no effect. */
uint64_t virtdev_pci_common_read(struct virtdev_pci *p, uint32_t at, uint32_t len);
void virtdev_pci_common_write(struct virtdev_pci *p, uint32_t at, uint32_t len,
		      uint64_t value);

/* Raises INTx through the owner. Any thread. */
void virtdev_pci_raise_line(struct virtdev_pci *p);

/* Applies the content of configuration space. */
void virtdev_pci_apply_space(struct virtdev_pci *p);

/* pci_state.c: see struct virtdev_register_ops. */
void virtdev_pci_state_save(void *registers, struct virtdev_state_writer *w);
int virtdev_pci_state_load(void *registers, struct virtdev_state_reader *r,
			   struct vsu_error *err);

/* Initializes configuration space; requires msix and region_len. */
void virtdev_pci_config_init(struct virtdev_pci *p,
		     const struct virtdev_pci_region *regions,
		     uint32_t nregions);

#endif
