/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* virtio-mmio for the tests of transports. */
#include <config.h>

#include <check.h>

#include <virtio-devices/mmio.h>

#include "registers.h"

#define INTERRUPT_STATUS 0x060
#define INTERRUPT_ACK 0x064

static const uint32_t offsets[NFIELDS] = {
	[OFFERED_SEL] = 0x014, [OFFERED_WORD] = 0x010, [WANTED_SEL] = 0x024,
	[WANTED_WORD] = 0x020, [STATUS] = 0x070, [QUEUE_SEL] = 0x030,
	[QUEUE_MAX] = 0x034, [QUEUE_SIZE] = 0x038, [QUEUE_READY] = 0x044,
	[DESC_LOW] = 0x080, [DESC_HIGH] = 0x084, [DRIVER_LOW] = 0x090,
	[DRIVER_HIGH] = 0x094, [DEVICE_LOW] = 0x0a0, [DEVICE_HIGH] = 0x0a4,
	[NOTIFY] = VIRTDEV_MMIO_NOTIFY, [GENERATION] = 0x0fc, [QUEUE_RESET] = 0x0c0,
};

static void *mmio_make(struct virtdev_transport *t)
{
	struct virtdev_mmio *m = NULL;

	ck_assert_int_eq(virtdev_mmio_new(t, &m, NULL), 0);
	return m;
}

static void mmio_free(void *f)
{
	virtdev_mmio_free(f);
}

static uint32_t mmio_get(void *f, enum field field)
{
	return (uint32_t)virtdev_mmio_read(f, offsets[field], 4);
}

static void mmio_set(void *f, enum field field, uint32_t value)
{
	virtdev_mmio_write(f, offsets[field], 4, value);
}

static unsigned int mmio_interrupts(void *f)
{
	uint32_t bits = (uint32_t)virtdev_mmio_read(f, INTERRUPT_STATUS, 4);

	virtdev_mmio_write(f, INTERRUPT_ACK, 4, bits);
	return (bits & VIRTDEV_MMIO_INT_USED ? FROM_QUEUE : 0) |
	       (bits & VIRTDEV_MMIO_INT_CONFIG ? FROM_CONFIG : 0);
}

static uint64_t mmio_config_read(void *f, uint32_t off, uint32_t len)
{
	return virtdev_mmio_read(f, VIRTDEV_MMIO_CONFIG + (uint64_t)off, len);
}

static void mmio_config_write(void *f, uint32_t off, uint32_t len,
			      uint64_t value)
{
	virtdev_mmio_write(f, VIRTDEV_MMIO_CONFIG + (uint64_t)off, len, value);
}

const struct register_set mmio_registers = {
	"mmio", mmio_make, mmio_free, mmio_get, mmio_set, mmio_interrupts,
	mmio_config_read, mmio_config_write,
};
