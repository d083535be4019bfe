/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random accesses of a guest to the registers of a transport, mmio or PCI, with
 * interrupts and configuration changes in between. Properties: the device starts
 * only in states that the specification allows, the owner is notified of each
 * moved BAR, vectors are valid, and a reset clears all state. The first byte
 * selects the interface and how a reset ends; each access is an opcode, an
 * offset, and a value of the access's width.
 */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/mmio.h>
#include <virtio-devices/pci.h>

#include "play.h"

#define QUEUES 3u
#define QUEUE_MAX 64u
#define FEATURES (VQ_F_VERSION_1 | VQ_F_RING_PACKED | VQ_F_NOTIFICATION_DATA | 0x35)
#define BARS 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct machine {
	struct virtdev *dev;
	struct virtdev_transport *t;
	struct virtdev_mmio *mmio;
	struct virtdev_pci *pci;
	bool slow_reset, active;
	uint64_t bars[BARS];
};

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Each queue that is set up can be served. */
static int on_activate(void *opaque, uint64_t features)
{
	struct machine *m = opaque;
	struct vq_config config;
	uint32_t i;

	demand(!m->active && !(features & ~FEATURES));
	demand(virtdev_transport_status(m->t) & VIRTDEV_STATUS_FEATURES_OK);
	for (i = 0; i < QUEUES; i++)
		if (virtdev_transport_queue(m->t, i, &config))
			demand(config.size && config.size <= QUEUE_MAX &&
			       config.features == features);
	m->active = true;
	return 0;
}

static int on_reset(void *opaque)
{
	struct machine *m = opaque;

	m->active = false;
	return m->slow_reset;
}

static void on_notify(void *opaque, uint32_t queue)
{
	const struct machine *m = opaque;

	demand(m->active && virtdev_transport_queue_ready(m->t, queue));
}

static int on_queue_reset(void *opaque, uint32_t queue)
{
	const struct machine *m = opaque;

	demand(m->active && queue < QUEUES);
	return m->slow_reset;
}

/* Starts a queue after its reset, if it has a valid size. */
static int on_queue_start(void *opaque, uint32_t queue)
{
	const struct machine *m = opaque;
	struct vq_config config;

	demand(m->active && virtdev_transport_queue(m->t, queue, &config));
	demand(config.size && config.size <= QUEUE_MAX);
	return 0;
}

static bool on_shared_region(void *opaque, uint32_t id, uint64_t *base,
			     uint64_t *len)
{
	(void)opaque;
	*base = UINT64_C(1) << 40;
	*len = 0x3000;
	return id == 1;
}

static void on_message(void *opaque, uint32_t vector)
{
	(void)opaque;
	demand(vector <= QUEUES);
}

static void on_route(void *opaque, uint32_t vector, uint64_t address,
		     uint32_t data)
{
	(void)opaque;
	(void)data;
	demand(vector <= QUEUES && !(address & 3));
}

static void on_bar_moved(void *opaque, unsigned int bar, uint64_t gpa)
{
	struct machine *m = opaque;

	demand(bar < BARS && m->bars[bar] != gpa);
	m->bars[bar] = gpa;
}

static void config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	(void)self;
	memset(buf, (int)off, len);
}

static void make_registers(struct machine *m, bool pci)
{
	static const struct virtdev_pci_region region = { 0, 0x3000, 1 };
	const struct virtdev_pci_config config = {
		.size = sizeof(config), .regions = &region, .nregions = 1,
	};
	const struct virtdev_pci_ops ops = {
		.size = sizeof(ops), .message = on_message, .route = on_route,
		.bar_moved = on_bar_moved,
	};

	if (pci)
		demand(!virtdev_pci_new(m->t, &config, &ops, m, &m->pci, NULL));
	else
		demand(!virtdev_mmio_new(m->t, &m->mmio, NULL));
}

static void machine_make(struct machine *m, uint8_t how)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "fuzz",
		.config_read = config_read,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_FS, .nqueues = QUEUES,
		.queue_size_max = QUEUE_MAX,
		.config_size = 12, .features = FEATURES,
	};
	const struct virtdev_transport_ops t_ops = {
		.size = sizeof(t_ops),
		.features = VQ_F_NOTIFICATION_DATA | VQ_F_RING_RESET,
		.queue_reset = on_queue_reset, .queue_start = on_queue_start,
		.activate = on_activate, .reset = on_reset,
		.notify = on_notify, .shared_region = on_shared_region,
	};

	memset(m, 0, sizeof(*m));
	memset(m->bars, 0xff, sizeof(m->bars));
	m->slow_reset = how & 2;
	demand(!virtdev_new(&ops, &info, NULL, &m->dev, NULL));
	demand(!virtdev_transport_new(m->dev, &t_ops, m, &m->t, NULL));
	make_registers(m, how & 1);
}

static void machine_free(struct machine *m)
{
	virtdev_pci_free(m->pci);
	virtdev_mmio_free(m->mmio);
	virtdev_transport_free(m->t);
	virtdev_free(m->dev);
}

static void register_write(struct machine *m, uint64_t offset, uint32_t len,
			   uint64_t value)
{
	if (m->pci)
		virtdev_pci_write(m->pci, offset, len, value);
	else
		virtdev_mmio_write(m->mmio, offset, len, value);
}

static void register_read(struct machine *m, uint64_t offset, uint32_t len)
{
	uint64_t value = m->pci ? virtdev_pci_read(m->pci, offset, len)
				: virtdev_mmio_read(m->mmio, offset, len);

	demand(len == 8 || !(value >> (8 * len)));
}

/* Accesses configuration space of a PCI function; mmio has none. */
static void space_access(struct machine *m, struct input *in, uint32_t len,
			 bool write)
{
	const uint32_t offset = take(in, 2);

	if (!m->pci)
		return;
	if (write)
		virtdev_pci_config_write(m->pci, offset, len,
					 take(in, len));
	else
		(void)virtdev_pci_config_read(m->pci, offset, len);
	demand(m->bars[0] == virtdev_pci_bar(m->pci, 0) &&
	       m->bars[2] == virtdev_pci_bar(m->pci, 2));
}

static void finish_reset(struct machine *m)
{
	struct vq_config config;
	uint32_t i;

	for (i = 0; i <= QUEUES; i++)
		virtdev_transport_queue_reset_done(m->t, i);
	if (!virtdev_transport_is_resetting(m->t))
		return;
	virtdev_transport_reset_done(m->t);
	demand(!virtdev_transport_status(m->t) &&
	       !virtdev_transport_features(m->t) &&
	       !virtdev_transport_queue(m->t, 0, &config));
}

/* Upper bits of the opcode: the width; lower ones: the kind of step. */
static void step(struct machine *m, struct input *in)
{
	const uint8_t op = (uint8_t)take(in, 1);
	const uint32_t len = 1u << (op >> 6);
	uint64_t offset;

	switch (op & 7) {
	case 0:
	case 1:
		offset = take(in, 2);
		register_write(m, offset, len, take_u64(in, len));
		break;
	case 2:
		register_read(m, take(in, 2), len);
		break;
	case 3:
	case 4:
		space_access(m, in, len, op & 4);
		break;
	case 5:
		virtdev_transport_interrupt(m->t, take(in, 1) - 1);
		break;
	case 6:
		virtdev_transport_config_changed(m->t);
		break;
	default:
		finish_reset(m);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct machine m;

	machine_make(&m, (uint8_t)take(&in, 1));
	while (in.p < in.end)
		step(&m, &in);
	machine_free(&m);
	return 0;
}
