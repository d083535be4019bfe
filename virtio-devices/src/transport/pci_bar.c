/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* BAR 0 of a virtio function: a table of areas; ISR status and INTx. */
#include <config.h>

#include "transport/pci_priv.h"

bool virtdev_pci_intx(const struct virtdev_pci *p)
{
	return __atomic_load_n(&p->isr, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&p->msix_enabled, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&p->no_intx, __ATOMIC_ACQUIRE);
}

void virtdev_pci_raise_line(struct virtdev_pci *p)
{
	if (virtdev_pci_intx(p) && p->ops.intx)
		p->ops.intx(p->opaque);
}

/* Reading the ISR status lowers the INTx line. */
static uint64_t isr_read(struct virtdev_pci *p, uint32_t at, uint32_t len)
{
	(void)at;
	(void)len;
	return __atomic_exchange_n(&p->isr, 0, __ATOMIC_ACQ_REL);
}

static uint64_t device_read(struct virtdev_pci *p, uint32_t at, uint32_t len)
{
	return virtdev_transport_config_read(p->t, at, len);
}

static void device_write(struct virtdev_pci *p, uint32_t at, uint32_t len,
			 uint64_t value)
{
	virtdev_transport_config_write(p->t, at, len, value);
}

/* The address selects the queue; ignores the queue number in the value. */
static void notify_write(struct virtdev_pci *p, uint32_t at, uint32_t len,
			 uint64_t value)
{
	const uint32_t queue = at / VIRTDEV_PCI_NOTIFY_STEP;
	const bool data = virtdev_transport_features(p->t) &
			  VQ_F_NOTIFICATION_DATA;

	if (at % VIRTDEV_PCI_NOTIFY_STEP || (len != 4 && (len != 2 || data)))
		return;
	virtdev_transport_notify(p->t, queue | (data ? (uint32_t)value &
						0xffff0000u : 0));
}

static uint64_t table_read(struct virtdev_pci *p, uint32_t at, uint32_t len)
{
	return virtdev_msix_table_read(&p->msix, at, len);
}

static void table_write(struct virtdev_pci *p, uint32_t at, uint32_t len,
			uint64_t value)
{
	virtdev_msix_table_write(&p->msix, at, len, value);
}

static uint64_t pending_read(struct virtdev_pci *p, uint32_t at, uint32_t len)
{
	return virtdev_msix_pending_read(&p->msix, at, len);
}

struct area {
	uint32_t at, len;
	uint64_t (*read)(struct virtdev_pci *p, uint32_t at, uint32_t len);
	void (*write)(struct virtdev_pci *p, uint32_t at, uint32_t len,
		      uint64_t value);
};

static const struct area areas[] = {
	{ PCI_COMMON, PCI_COMMON_LEN, virtdev_pci_common_read, virtdev_pci_common_write },
	{ PCI_ISR, PCI_ISR_LEN, isr_read, NULL },
	{ PCI_CONFIG, PCI_CONFIG_LEN, device_read, device_write },
	{ PCI_NOTIFY, PCI_NOTIFY_LEN, NULL, notify_write },
	{ PCI_TABLE, PCI_TABLE_LEN, table_read, table_write },
	{ PCI_PENDING, PCI_PENDING_LEN, pending_read, NULL },
};

static const struct area *area_find(uint64_t offset, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		if (offset >= areas[i].at && len <= areas[i].len &&
		    offset - areas[i].at <= areas[i].len - len)
			return &areas[i];
	return NULL;
}

static bool is_width(uint32_t len)
{
	return len == 1 || len == 2 || len == 4 || len == 8;
}

uint64_t virtdev_pci_read(struct virtdev_pci *p, uint64_t offset, uint32_t len)
{
	const struct area *area = is_width(len) ? area_find(offset, len) : NULL;

	return area && area->read ?
	       area->read(p, (uint32_t)offset - area->at, len) : 0;
}

void virtdev_pci_write(struct virtdev_pci *p, uint64_t offset, uint32_t len,
		       uint64_t value)
{
	const struct area *area = is_width(len) ? area_find(offset, len) : NULL;

	if (area && area->write)
		area->write(p, (uint32_t)offset - area->at, len, value);
}

enum virtdev_access virtdev_pci_class(uint64_t offset, uint32_t len, bool write)
{
	if (offset == PCI_ISR && len == 1)
		return VIRTDEV_ACCESS_ANY;
	if (write && ((offset == PCI_COMMON + PCI_COMMON_STATUS && len == 1) ||
		      (offset == PCI_COMMON + PCI_COMMON_ENABLE && len == 2) ||
		      (offset == PCI_COMMON + PCI_COMMON_RESET && len == 2)))
		return VIRTDEV_ACCESS_CONTROL;
	return VIRTDEV_ACCESS_PLAIN;
}
