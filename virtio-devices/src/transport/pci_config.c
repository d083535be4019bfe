/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Configuration space of a virtio PCI function: capabilities (VIRTIO 1.3, section
 * 4.1.4), BARs, and the effect of writes.
 */
#include <config.h>

#include "transport/pci_priv.h"

/* Types of virtio's capabilities (section 4.1.4). */
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_WINDOW, CAP_REGION = 8 };
enum { CAP_VENDOR = 0x09, CAP_MSIX = 0x11 };
/* Offsets within a capability. */
enum { CAP_LEN = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_ID = 5, CAP_OFFSET = 8, CAP_LENGTH = 12,
       CAP_TAIL = 16 };
enum { MSIX_CONTROL = 2, MSIX_TABLE = 4, MSIX_PBA = 8 };

#define MSIX_ENABLE 0x8000u
#define MSIX_MASK_ALL 0x4000u

#define VENDOR_VIRTIO 0x1af4u
#define DEVICE_VIRTIO 0x1040u	/* plus the device id */
#define SUBSYSTEM_VIRTIO 0x1100u

/* Length in bytes of BAR 0 or 2; 0: no such BAR. */
static uint64_t bar_len(const struct virtdev_pci *p, unsigned int bar)
{
	if (bar == PCI_REGION_BAR)
		return p->region_len;
	return bar ? 0 : VIRTDEV_PCI_BAR0_SIZE;
}

/* All address bits set: the driver determines the size of the BAR. */
uint64_t virtdev_pci_bar(const struct virtdev_pci *p, unsigned int bar)
{
	const uint64_t len = bar_len(p, bar);
	uint64_t gpa;

	if (!len || !(virtdev_pci_space_get(&p->space, PCI_COMMAND, 2) &
		      PCI_COMMAND_MEMORY))
		return VIRTDEV_PCI_UNPLACED;
	gpa = virtdev_pci_space_bar(&p->space, bar);
	return gpa > UINT64_MAX - len ? VIRTDEV_PCI_UNPLACED : gpa;
}

static void tell_bar(struct virtdev_pci *p, unsigned int bar)
{
	const uint64_t gpa = virtdev_pci_bar(p, bar);

	if (gpa == p->told[bar])
		return;
	p->told[bar] = gpa;
	if (p->ops.bar_moved)
		p->ops.bar_moved(p->opaque, bar, gpa);
}

/* MSI-X messages are memory writes, which require bus mastering. */
void virtdev_pci_apply_space(struct virtdev_pci *p)
{
	const uint64_t command = virtdev_pci_space_get(&p->space, PCI_COMMAND, 2);
	const uint64_t control = p->msix_at ?
		virtdev_pci_space_get(&p->space, p->msix_at + MSIX_CONTROL, 2) : 0;

	__atomic_store_n(&p->no_intx, command & PCI_COMMAND_NO_INTX,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&p->msix_enabled, control & MSIX_ENABLE,
			 __ATOMIC_RELEASE);
	virtdev_msix_set_open(&p->msix, (control & MSIX_ENABLE) &&
		      !(control & MSIX_MASK_ALL) &&
		      (command & PCI_COMMAND_MASTER));
	virtdev_pci_raise_line(p);
	tell_bar(p, 0);
	tell_bar(p, PCI_REGION_BAR);
}

void virtdev_pci_place_bar(struct virtdev_pci *p, unsigned int bar,
			   uint64_t gpa)
{
	const uint32_t at = PCI_BAR + 4 * bar;

	if (!bar_len(p, bar))
		return;
	virtdev_pci_space_write(&p->space, at, 4, (uint32_t)gpa);
	virtdev_pci_space_write(&p->space, at + 4, 4, (uint32_t)(gpa >> 32));
	virtdev_pci_apply_space(p);
}

/*
 * The PCI configuration access capability (section 4.1.4.9), a window to BAR 0. True: the
 * access is to its data field and its settings are valid; *offset is that in BAR 0.
 */
static bool is_window(const struct virtdev_pci *p, uint32_t at,
		      uint64_t *offset, uint32_t *len)
{
	const uint32_t cap = p->window;

	*offset = virtdev_pci_space_get(&p->space, cap + CAP_OFFSET, 4);
	*len = (uint32_t)virtdev_pci_space_get(&p->space, cap + CAP_LENGTH, 4);
	return at >= cap + CAP_TAIL && at < cap + CAP_TAIL + 4 &&
	       !p->space.bytes[cap + CAP_BAR] &&
	       (*len == 1 || *len == 2 || *len == 4) && !(*offset % *len);
}

uint32_t virtdev_pci_config_read(struct virtdev_pci *p, uint32_t offset,
				 uint32_t len)
{
	uint64_t in_bar;
	uint32_t in_len;

	virtdev_pci_space_set(&p->space, PCI_STATUS, 2, PCI_STATUS_LIST |
		      (virtdev_pci_intx(p) ? PCI_STATUS_INTX : 0));
	if (is_window(p, offset, &in_bar, &in_len))
		virtdev_pci_space_set(&p->space, p->window + CAP_TAIL, 4,
			      virtdev_pci_read(p, in_bar, in_len));
	return virtdev_pci_space_read(&p->space, offset, len);
}

void virtdev_pci_config_write(struct virtdev_pci *p, uint32_t offset,
			      uint32_t len, uint32_t value)
{
	uint64_t in_bar;
	uint32_t in_len;

	virtdev_pci_space_write(&p->space, offset, len, value);
	if (is_window(p, offset, &in_bar, &in_len))
		virtdev_pci_write(p, in_bar, in_len,
				  virtdev_pci_space_get(&p->space, p->window + CAP_TAIL,
						in_len));
	virtdev_pci_apply_space(p);
}

/* Class code, which virtio drivers ignore. */
static uint32_t class_of(uint32_t id)
{
	static const struct {
		uint32_t id, class;
	} classes[] = {
		{ VIRTDEV_ID_NET, 0x020000 }, { VIRTDEV_ID_BLOCK, 0x018000 },
		{ VIRTDEV_ID_CONSOLE, 0x078000 }, { VIRTDEV_ID_SCSI, 0x010000 },
		{ VIRTDEV_ID_GPU, 0x038000 }, { VIRTDEV_ID_INPUT, 0x098000 },
		{ VIRTDEV_ID_SOCKET, 0x028000 }, { VIRTDEV_ID_CRYPTO, 0x108000 },
		{ VIRTDEV_ID_SOUND, 0x040100 }, { VIRTDEV_ID_FS, 0x018000 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].id == id)
			return classes[i].class;
	return 0x00ff00;	/* unclassified */
}

static uint32_t add_area(struct pci_space *s, uint8_t type, uint32_t len,
			 uint32_t offset, uint32_t area_len)
{
	const uint32_t at = virtdev_pci_space_add_capability(s, CAP_VENDOR, len);

	virtdev_pci_space_set(s, at + CAP_LEN, 1, len);
	virtdev_pci_space_set(s, at + CAP_TYPE, 1, type);
	virtdev_pci_space_set(s, at + CAP_OFFSET, 4, offset);
	virtdev_pci_space_set(s, at + CAP_LENGTH, 4, area_len);
	return at;
}

static void add_areas(struct virtdev_pci *p)
{
	const uint32_t config_size =
		virtdev_get_info(virtdev_transport_device(p->t))->config_size;
	struct pci_space *s = &p->space;
	uint32_t at;

	add_area(s, CAP_COMMON, 16, PCI_COMMON, PCI_COMMON_LEN);
	add_area(s, CAP_ISR, 16, PCI_ISR, PCI_ISR_LEN);
	at = add_area(s, CAP_NOTIFY, 20, PCI_NOTIFY,
		      p->nqueues * VIRTDEV_PCI_NOTIFY_STEP);
	virtdev_pci_space_set(s, at + CAP_TAIL, 4, VIRTDEV_PCI_NOTIFY_STEP);
	if (config_size)
		add_area(s, CAP_DEVICE, 16, PCI_CONFIG, config_size < PCI_CONFIG_LEN ?
			 config_size : PCI_CONFIG_LEN);
	p->window = add_area(s, CAP_WINDOW, 20, 0, 0);
	virtdev_pci_space_let_write(s, p->window + CAP_BAR, 1, 0xff);
	virtdev_pci_space_let_write(s, p->window + CAP_OFFSET, 8, UINT64_MAX);
	virtdev_pci_space_let_write(s, p->window + CAP_TAIL, 4, UINT32_MAX);
}

static void add_region(struct pci_space *s,
		       const struct virtdev_pci_region *region)
{
	const uint32_t at = add_area(s, CAP_REGION, 24,
				     (uint32_t)region->offset,
				     (uint32_t)region->len);

	virtdev_pci_space_set(s, at + CAP_BAR, 1, PCI_REGION_BAR);
	virtdev_pci_space_set(s, at + CAP_ID, 1, region->id);
	virtdev_pci_space_set(s, at + CAP_TAIL, 4, region->offset >> 32);
	virtdev_pci_space_set(s, at + CAP_TAIL + 4, 4, region->len >> 32);
}

static void add_msix(struct virtdev_pci *p)
{
	struct pci_space *s = &p->space;

	p->msix_at = virtdev_pci_space_add_capability(s, CAP_MSIX, 12);
	virtdev_pci_space_set(s, p->msix_at + MSIX_CONTROL, 2, p->msix.n - 1);
	virtdev_pci_space_let_write(s, p->msix_at + MSIX_CONTROL, 2,
			    MSIX_ENABLE | MSIX_MASK_ALL);
	virtdev_pci_space_set(s, p->msix_at + MSIX_TABLE, 4, PCI_TABLE);
	virtdev_pci_space_set(s, p->msix_at + MSIX_PBA, 4, PCI_PENDING);
}

void virtdev_pci_config_init(struct virtdev_pci *p,
		     const struct virtdev_pci_region *regions,
		     uint32_t nregions)
{
	const uint32_t id =
		virtdev_get_info(virtdev_transport_device(p->t))->id;
	struct pci_space *s = &p->space;
	uint32_t i;

	virtdev_pci_space_init(s);
	virtdev_pci_space_set(s, PCI_VENDOR, 2, VENDOR_VIRTIO);
	virtdev_pci_space_set(s, PCI_DEVICE, 2, DEVICE_VIRTIO + id);
	virtdev_pci_space_set(s, PCI_REVISION, 1, 1);
	virtdev_pci_space_set(s, PCI_CLASS, 3, class_of(id));
	virtdev_pci_space_set(s, PCI_SUBSYSTEM_VENDOR, 2, VENDOR_VIRTIO);
	virtdev_pci_space_set(s, PCI_SUBSYSTEM, 2, SUBSYSTEM_VIRTIO);
	virtdev_pci_space_set(s, PCI_PIN, 1, 1);
	virtdev_pci_space_add_bar(s, 0, VIRTDEV_PCI_BAR0_SIZE, false);
	if (p->msix.n)
		add_msix(p);
	add_areas(p);
	if (p->region_len)
		virtdev_pci_space_add_bar(s, PCI_REGION_BAR, p->region_len, true);
	for (i = 0; i < nregions; i++)
		add_region(s, &regions[i]);
}
