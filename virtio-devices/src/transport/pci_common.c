/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The common configuration structure of virtio-pci (VIRTIO 1.3, section 4.1.4.3). */
#include <config.h>

#include "transport/pci_priv.h"

static void set_vector(const struct virtdev_pci *p, uint16_t *vector,
		       uint32_t value)
{
	__atomic_store_n(vector, (uint16_t)(value < p->msix.n ? value :
					    PCI_NO_VECTOR), __ATOMIC_RELEASE);
}

void virtdev_pci_common_reset(struct virtdev_pci *p)
{
	uint32_t i;

	p->offered_sel = p->wanted_sel = p->queue_sel = 0;
	set_vector(p, &p->config_vector, PCI_NO_VECTOR);
	for (i = 0; i < p->nqueues; i++)
		set_vector(p, &p->vectors[i], PCI_NO_VECTOR);
	__atomic_store_n(&p->isr, 0, __ATOMIC_RELEASE);
}

enum {
	OFFERED_SEL = 0, OFFERED = 4, WANTED_SEL = 8, WANTED = 12,
	CONFIG_VECTOR = 16, NUM_QUEUES = 18, STATUS = PCI_COMMON_STATUS,
	GENERATION = 21, QUEUE_SEL = 22, QUEUE_SIZE = 24, QUEUE_VECTOR = 26,
	QUEUE_ENABLE = PCI_COMMON_ENABLE, QUEUE_NOTIFY_OFF = 30, QUEUE_AREAS = 32,
	QUEUE_NOTIFY_DATA = 56, QUEUE_RESET = PCI_COMMON_RESET,
};

static uint32_t read_offered_sel(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->offered_sel;
}

static void write_offered_sel(struct virtdev_pci *p, uint32_t at,
			      uint32_t value)
{
	(void)at;
	p->offered_sel = value;
}

static uint32_t word_half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint32_t read_offered(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return word_half(virtdev_transport_offered(p->t), p->offered_sel);
}

static uint32_t read_wanted_sel(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->wanted_sel;
}

static void write_wanted_sel(struct virtdev_pci *p, uint32_t at,
			     uint32_t value)
{
	(void)at;
	p->wanted_sel = value;
}

static uint32_t read_wanted(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return word_half(virtdev_transport_features(p->t), p->wanted_sel);
}

static void write_wanted(struct virtdev_pci *p, uint32_t at, uint32_t value)
{
	(void)at;
	virtdev_transport_set_features(p->t, p->wanted_sel, value);
}

static uint32_t read_config_vector(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->config_vector;
}

static void write_config_vector(struct virtdev_pci *p, uint32_t at,
				uint32_t value)
{
	(void)at;
	set_vector(p, &p->config_vector, value);
}

static uint32_t read_num_queues(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->nqueues;
}

static uint32_t read_status(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return virtdev_transport_status(p->t);
}

static void write_status(struct virtdev_pci *p, uint32_t at, uint32_t value)
{
	(void)at;
	virtdev_transport_set_status(p->t, value);
}

static uint32_t read_generation(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return virtdev_transport_generation(p->t) & 0xff;
}

static uint32_t read_queue_sel(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->queue_sel;
}

static void write_queue_sel(struct virtdev_pci *p, uint32_t at, uint32_t value)
{
	(void)at;
	p->queue_sel = value;
}

/* The maximum size until the driver sets one (section 4.1.4.3). */
static uint32_t read_queue_size(struct virtdev_pci *p, uint32_t at)
{
	const uint32_t size = virtdev_transport_queue_size(p->t, p->queue_sel);

	(void)at;
	return size ? size :
	       virtdev_transport_queue_size_max(p->t, p->queue_sel);
}

static void write_queue_size(struct virtdev_pci *p, uint32_t at,
			     uint32_t value)
{
	(void)at;
	virtdev_transport_set_queue_size(p->t, p->queue_sel, value);
}

static uint32_t read_queue_vector(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->queue_sel < p->nqueues ? p->vectors[p->queue_sel] : PCI_NO_VECTOR;
}

static void write_queue_vector(struct virtdev_pci *p, uint32_t at,
			       uint32_t value)
{
	(void)at;
	if (p->queue_sel < p->nqueues)
		set_vector(p, &p->vectors[p->queue_sel], value);
}

static uint32_t read_queue_enable(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return virtdev_transport_queue_ready(p->t, p->queue_sel);
}

/* Ignores 0, which drivers must not write (section 4.1.4.3.2). */
static void write_queue_enable(struct virtdev_pci *p, uint32_t at,
			       uint32_t value)
{
	if (value != 1)
		return;
	if (!virtdev_transport_queue_size(p->t, p->queue_sel))
		write_queue_size(p, at, read_queue_size(p, at));
	virtdev_transport_set_queue_ready(p->t, p->queue_sel, true);
}

static uint32_t read_reset(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return virtdev_transport_queue_resets(p->t, p->queue_sel);
}

static void write_reset(struct virtdev_pci *p, uint32_t at, uint32_t value)
{
	(void)at;
	if (value == 1)
		virtdev_transport_reset_queue(p->t, p->queue_sel);
}

static uint32_t read_notify_off(struct virtdev_pci *p, uint32_t at)
{
	(void)at;
	return p->queue_sel < p->nqueues ? p->queue_sel : 0;
}

/* The areas are in the order of their enum, low half first. */
static uint32_t read_area(struct virtdev_pci *p, uint32_t at)
{
	const uint64_t gpa = virtdev_transport_queue_area(p->t, p->queue_sel,
			(enum virtdev_queue_area)((at - QUEUE_AREAS) / 8));

	return word_half(gpa, at / 4 % 2);
}

static void write_area(struct virtdev_pci *p, uint32_t at, uint32_t value)
{
	virtdev_transport_set_queue_area(p->t, p->queue_sel,
			(enum virtdev_queue_area)((at - QUEUE_AREAS) / 8),
			at / 4 % 2, value);
}

struct field {
	uint32_t at, len;
	uint32_t (*read)(struct virtdev_pci *p, uint32_t at);
	void (*write)(struct virtdev_pci *p, uint32_t at, uint32_t value);
};

/* The driver accesses each field with its width (section 4.1.3.1). */
static const struct field fields[] = {
	{ OFFERED_SEL, 4, read_offered_sel, write_offered_sel },
	{ OFFERED, 4, read_offered, NULL },
	{ WANTED_SEL, 4, read_wanted_sel, write_wanted_sel },
	{ WANTED, 4, read_wanted, write_wanted },
	{ CONFIG_VECTOR, 2, read_config_vector, write_config_vector },
	{ NUM_QUEUES, 2, read_num_queues, NULL },
	{ STATUS, 1, read_status, write_status },
	{ GENERATION, 1, read_generation, NULL },
	{ QUEUE_SEL, 2, read_queue_sel, write_queue_sel },
	{ QUEUE_SIZE, 2, read_queue_size, write_queue_size },
	{ QUEUE_VECTOR, 2, read_queue_vector, write_queue_vector },
	{ QUEUE_ENABLE, 2, read_queue_enable, write_queue_enable },
	{ QUEUE_NOTIFY_OFF, 2, read_notify_off, NULL },
	{ QUEUE_AREAS, 4, read_area, write_area },
	{ QUEUE_AREAS + 4, 4, read_area, write_area },
	{ QUEUE_AREAS + 8, 4, read_area, write_area },
	{ QUEUE_AREAS + 12, 4, read_area, write_area },
	{ QUEUE_AREAS + 16, 4, read_area, write_area },
	{ QUEUE_AREAS + 20, 4, read_area, write_area },
	{ QUEUE_NOTIFY_DATA, 2, read_notify_off, NULL },
	{ QUEUE_RESET, 2, read_reset, write_reset },
};

static const struct field *field_find(uint32_t at, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].at == at && fields[i].len == len)
			return &fields[i];
	return NULL;
}

uint64_t virtdev_pci_common_read(struct virtdev_pci *p, uint32_t at, uint32_t len)
{
	const struct field *f = field_find(at, len);

	return f ? f->read(p, at) : 0;
}

void virtdev_pci_common_write(struct virtdev_pci *p, uint32_t at, uint32_t len,
			 uint64_t value)
{
	const struct field *f = field_find(at, len);

	if (f && f->write)
		f->write(p, at, (uint32_t)value &
			 UINT32_MAX >> (32 - 8 * len));
}
