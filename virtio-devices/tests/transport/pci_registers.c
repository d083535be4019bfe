/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* virtio-pci for the tests of transports; its driver uses INTx. */
#include <config.h>

#include <check.h>

#include <virtio-devices/pci.h>

#include "registers.h"

#define ISR 0x1000
#define DEVICE 0x2000

static const struct {
	uint32_t at, len;
} fields[NFIELDS] = {
	[OFFERED_SEL] = { 0, 4 }, [OFFERED_WORD] = { 4, 4 },
	[WANTED_SEL] = { 8, 4 }, [WANTED_WORD] = { 12, 4 },
	[STATUS] = { 20, 1 }, [QUEUE_SEL] = { 22, 2 },
	[QUEUE_MAX] = { 24, 2 }, [QUEUE_SIZE] = { 24, 2 },
	[QUEUE_READY] = { 28, 2 },
	[DESC_LOW] = { 32, 4 }, [DESC_HIGH] = { 36, 4 },
	[DRIVER_LOW] = { 40, 4 }, [DRIVER_HIGH] = { 44, 4 },
	[DEVICE_LOW] = { 48, 4 }, [DEVICE_HIGH] = { 52, 4 },
	[NOTIFY] = { VIRTDEV_PCI_NOTIFY, 4 }, [GENERATION] = { 21, 1 },
	[QUEUE_RESET] = { 58, 2 },
};

/* Without this callback the function has no MSI-X. */
static void on_message(void *opaque, uint32_t vector)
{
	(void)opaque;
	(void)vector;
}

static void *pci_make(struct virtdev_transport *t)
{
	const struct virtdev_pci_config config = { .size = sizeof(config) };
	const struct virtdev_pci_ops ops = {
		.size = sizeof(ops), .message = on_message,
	};
	struct virtdev_pci *p = NULL;

	ck_assert_int_eq(virtdev_pci_new(t, &config, &ops, NULL, &p, NULL), 0);
	return p;
}

static void pci_free(void *f)
{
	virtdev_pci_free(f);
}

static uint32_t pci_get(void *f, enum field field)
{
	return (uint32_t)virtdev_pci_read(f, fields[field].at,
					  fields[field].len);
}

/* Each queue has its own notification address while there is room for it. */
static void pci_set(void *f, enum field field, uint32_t value)
{
	uint32_t at = fields[field].at;

	if (field == NOTIFY)
		at += VIRTDEV_PCI_NOTIFY_STEP *
		      (value < VIRTDEV_PCI_QUEUES ? value :
		       VIRTDEV_PCI_QUEUES - 1);
	virtdev_pci_write(f, at, fields[field].len, value);
}

static unsigned int pci_interrupts(void *f)
{
	const uint64_t isr = virtdev_pci_read(f, ISR, 1);

	return (isr & 1 ? FROM_QUEUE : 0) | (isr & 2 ? FROM_CONFIG : 0);
}

static uint64_t pci_config_read(void *f, uint32_t off, uint32_t len)
{
	return virtdev_pci_read(f, DEVICE + (uint64_t)off, len);
}

static void pci_config_write(void *f, uint32_t off, uint32_t len,
			     uint64_t value)
{
	virtdev_pci_write(f, DEVICE + (uint64_t)off, len, value);
}

const struct register_set pci_registers = {
	"pci", pci_make, pci_free, pci_get, pci_set, pci_interrupts,
	pci_config_read, pci_config_write,
};
