/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The protocol between device and driver (VIRTIO 1.3, sections 2.1, 2.2, 2.4 and 3.1),
 * independent of the register interface.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/sized.h>

#include "core/device_struct.h"
#include "core/transport_priv.h"

/* Feature bits of the transport, including reserved ones. */
#define OF_TRANSPORTS (((UINT64_C(1) << 50) - 1) & ~((UINT64_C(1) << 37) - 1))

int virtdev_transport_new(struct virtdev *dev,
			  const struct virtdev_transport_ops *ops, void *opaque,
			  struct virtdev_transport **out,
			  struct vsu_error *err)
{
	const uint32_t nrings = virtdev_get_info(dev)->nqueues;
	struct virtdev_transport *t;
	int rc = 0;

	t = calloc(1, sizeof(*t) + nrings * sizeof(t->rings[0]));
	if (!t)
		return vsu_error_sys(err, -ENOMEM, "transport of %s",
				     virtdev_name(dev));
	if (ops)
		rc = vsu_copy_sized(&t->ops, sizeof(t->ops), ops,
				    "struct virtdev_transport_ops", err);
	if (rc >= 0 && dev->transport)
		rc = vsu_error_set(err, -EBUSY,
				   "%s is behind a transport already; free that one first",
				   virtdev_name(dev));
	if (rc < 0) {
		free(t);
		return rc;
	}
	t->dev = dev;
	t->opaque = opaque;
	t->nrings = nrings;
	dev->transport = &t->dev;
	*out = t;
	return 0;
}

void virtdev_transport_free(struct virtdev_transport *t)
{
	if (t && t->dev)
		t->dev->transport = NULL;
	free(t);
}

int virtdev_transport_set_registers(struct virtdev_transport *t,
				    const struct virtdev_register_ops *ops, void *registers,
				    struct vsu_error *err)
{
	struct virtdev_register_ops copy = { 0 };
	int rc = 0;

	if (ops)
		rc = vsu_copy_sized(&copy, sizeof(copy), ops,
				    "struct virtdev_register_ops", err);
	if (rc < 0)
		return rc;
	if (ops && t->has_registers)
		return vsu_error_set(err, -EBUSY,
				     "%s: its transport has a register interface already; free that one first",
				     virtdev_name(t->dev));
	t->has_registers = ops;
	t->register_ops = copy;
	t->registers = registers;
	return 0;
}

struct virtdev *virtdev_transport_device(const struct virtdev_transport *t)
{
	return t->dev;
}

/* ---------------------------------------------------------------- interrupts */

void virtdev_transport_interrupt(struct virtdev_transport *t, uint32_t source)
{
	if (t->register_ops.interrupt)
		t->register_ops.interrupt(t->registers, source);
}

static void tell_driver(struct virtdev_transport *t)
{
	if (t->status & VIRTDEV_STATUS_DRIVER_OK)
		virtdev_transport_interrupt(t, VIRTDEV_INTERRUPT_CONFIG);
}

void virtdev_transport_config_changed(struct virtdev_transport *t)
{
	t->generation++;
	tell_driver(t);
}

void virtdev_transport_needs_reset(struct virtdev_transport *t)
{
	t->status |= VIRTDEV_STATUS_NEEDS_RESET;
	tell_driver(t);
}

uint32_t virtdev_transport_generation(const struct virtdev_transport *t)
{
	return t->generation;
}

/* ------------------------------------------------------------------ features */

uint64_t virtdev_transport_offered(const struct virtdev_transport *t)
{
	const uint64_t ours = virtdev_priv_call_features(t) &
			      t->register_ops.features;

	return (virtdev_get_info(t->dev)->features & (~OF_TRANSPORTS | ours)) |
	       (ours & VQ_F_RING_RESET);
}

uint64_t virtdev_transport_features(const struct virtdev_transport *t)
{
	return t->driver_features;
}

static void write_half(uint64_t *word, uint32_t high, uint32_t value)
{
	const unsigned int shift = 32 * high;

	*word = (*word & ~(UINT64_C(0xffffffff) << shift)) |
		(uint64_t)value << shift;
}

void virtdev_transport_set_features(struct virtdev_transport *t, uint32_t word,
				    uint32_t value)
{
	if (!(t->status & VIRTDEV_STATUS_FEATURES_OK) && word <= 1)
		write_half(&t->driver_features, word, value);
}

/* ---------------------------------------------------------- status and reset */

uint32_t virtdev_transport_status(const struct virtdev_transport *t)
{
	return t->status;
}

bool virtdev_transport_is_resetting(const struct virtdev_transport *t)
{
	return t->resetting;
}

void virtdev_transport_reset_done(struct virtdev_transport *t)
{
	const bool took_time = t->resetting;

	t->resetting = false;
	virtdev_reset(t->dev);
	t->driver_features = 0;
	t->status = 0;
	memset(t->rings, 0, t->nrings * sizeof(t->rings[0]));
	if (t->register_ops.reset)
		t->register_ops.reset(t->registers);
	if (took_time && t->ops.reset_finished)
		t->ops.reset_finished(t->opaque);
}

static void device_reset(struct virtdev_transport *t)
{
	if (virtdev_priv_call_reset(t) > 0)
		t->resetting = true;
	else
		virtdev_transport_reset_done(t);
}

/* The device rejects the features by leaving FEATURES_OK clear. */
static void set_features_ok(struct virtdev_transport *t)
{
	if (!(t->driver_features & ~virtdev_transport_offered(t)) &&
	    !virtdev_set_features(t->dev, virtdev_priv_device_features(t),
				  NULL))
		t->status |= VIRTDEV_STATUS_FEATURES_OK;
}

static void set_driver_ok(struct virtdev_transport *t)
{
	t->status |= VIRTDEV_STATUS_DRIVER_OK;
	if (virtdev_priv_call_activate(t) < 0)
		virtdev_transport_needs_reset(t);
}

void virtdev_transport_set_status(struct virtdev_transport *t, uint32_t value)
{
	const uint32_t kept = t->status & ~(uint32_t)VIRTDEV_STATUS_NEEDS_RESET;
	const uint32_t added = value & ~t->status;

	if (!value) {
		device_reset(t);
		return;
	}
	if (t->resetting || (value & kept) != kept)
		return;
	t->status |= added & (VIRTDEV_STATUS_ACKNOWLEDGE |
			      VIRTDEV_STATUS_DRIVER | VIRTDEV_STATUS_FAILED);
	if (added & VIRTDEV_STATUS_FEATURES_OK)
		set_features_ok(t);
	if ((added & VIRTDEV_STATUS_DRIVER_OK) &&
	    (t->status & VIRTDEV_STATUS_FEATURES_OK))
		set_driver_ok(t);
}

/* -------------------------------------------------------------------- queues */

static const struct ring *ring_find(const struct virtdev_transport *t,
				    uint32_t queue)
{
	return queue < t->nrings ? &t->rings[queue] : NULL;
}

/* The queue if the driver may configure it, or NULL. */
static struct ring *ring_open(struct virtdev_transport *t, uint32_t queue)
{
	struct ring *ring = queue < t->nrings ? &t->rings[queue] : NULL;

	if (!ring || ring->ready ||
	    ((t->status & VIRTDEV_STATUS_DRIVER_OK) && !ring->renewed))
		return NULL;
	return ring;
}

uint32_t virtdev_transport_queue_size_max(const struct virtdev_transport *t,
					  uint32_t queue)
{
	return ring_find(t, queue) ?
	       virtdev_get_info(t->dev)->queue_size_max : 0;
}

uint32_t virtdev_transport_queue_size(const struct virtdev_transport *t,
				      uint32_t queue)
{
	const struct ring *ring = ring_find(t, queue);

	return ring ? ring->size : 0;
}

bool virtdev_transport_queue_ready(const struct virtdev_transport *t,
				   uint32_t queue)
{
	const struct ring *ring = ring_find(t, queue);

	return ring && ring->ready;
}

uint64_t virtdev_transport_queue_area(const struct virtdev_transport *t,
				      uint32_t queue,
				      enum virtdev_queue_area area)
{
	const struct ring *ring = ring_find(t, queue);

	return ring ? ring->areas[area] : 0;
}

static void start_again(struct virtdev_transport *t, uint32_t queue)
{
	t->rings[queue].ready = true;
	if (!t->resetting && virtdev_priv_call_queue_start(t, queue) < 0)
		virtdev_transport_needs_reset(t);
}

bool virtdev_priv_transport_can_be(const struct virtdev_transport *t,
				   uint64_t features, uint32_t size)
{
	return size && size <= virtdev_get_info(t->dev)->queue_size_max &&
	       ((features & VQ_F_RING_PACKED) || !(size & (size - 1)));
}

void virtdev_transport_set_queue_size(struct virtdev_transport *t,
				      uint32_t queue, uint32_t size)
{
	struct ring *ring = ring_open(t, queue);

	if (ring && virtdev_priv_transport_can_be(t, t->driver_features, size))
		ring->size = size;
}

void virtdev_transport_set_queue_ready(struct virtdev_transport *t,
				       uint32_t queue, bool ready)
{
	if (queue >= t->nrings)
		return;
	if (!(t->status & VIRTDEV_STATUS_DRIVER_OK))
		t->rings[queue].ready = ready && t->rings[queue].size;
	else if (ready && ring_open(t, queue) && t->rings[queue].size)
		start_again(t, queue);
}

static bool can_reset_queues(const struct virtdev_transport *t)
{
	return (t->driver_features & VQ_F_RING_RESET) &&
	       (t->status & VIRTDEV_STATUS_FEATURES_OK) && !t->resetting;
}

void virtdev_transport_reset_queue(struct virtdev_transport *t, uint32_t queue)
{
	const struct ring *ring = ring_find(t, queue);
	const bool runs = t->status & VIRTDEV_STATUS_DRIVER_OK;

	if (!ring || !ring->ready || ring->resetting || !can_reset_queues(t))
		return;
	t->rings[queue].resetting = true;
	if (!runs || virtdev_priv_call_queue_reset(t, queue) <= 0)
		virtdev_transport_queue_reset_done(t, queue);
}

/* Restores the initial state. Ignored if a device reset was started meanwhile. */
void virtdev_transport_queue_reset_done(struct virtdev_transport *t,
					uint32_t queue)
{
	struct ring *ring = queue < t->nrings ? &t->rings[queue] : NULL;

	if (!ring || !ring->resetting)
		return;
	memset(ring, 0, sizeof(*ring));
	ring->renewed = true;
}

bool virtdev_transport_queue_resets(const struct virtdev_transport *t,
				    uint32_t queue)
{
	const struct ring *ring = ring_find(t, queue);

	return ring && ring->resetting;
}

void virtdev_transport_set_queue_area(struct virtdev_transport *t,
				      uint32_t queue,
				      enum virtdev_queue_area area,
				      uint32_t word, uint32_t value)
{
	struct ring *ring = ring_open(t, queue);

	if (ring && word <= 1)
		write_half(&ring->areas[area], word, value);
}

bool virtdev_transport_queue(const struct virtdev_transport *t, uint32_t queue,
			     struct vq_config *config)
{
	const struct ring *ring = ring_find(t, queue);

	if (!ring || !ring->ready)
		return false;
	memset(config, 0, sizeof(*config));
	config->features = virtdev_priv_device_features(t);
	config->size = ring->size;
	config->max_chain = virtdev_get_info(t->dev)->max_chain;
	config->desc_gpa = ring->areas[VIRTDEV_QUEUE_DESC];
	config->driver_gpa = ring->areas[VIRTDEV_QUEUE_DRIVER];
	config->device_gpa = ring->areas[VIRTDEV_QUEUE_DEVICE];
	config->base = vq_initial_base(config->features);
	config->index = queue;
	return true;
}

void virtdev_transport_notify(struct virtdev_transport *t, uint32_t value)
{
	const uint32_t queue = value & 0xffff; /* upper bits: NOTIFICATION_DATA */

	if (!(t->driver_features & VQ_F_NOTIFICATION_DATA) && queue != value)
		return;
	if (virtdev_transport_queue_ready(t, queue) &&
	    !t->rings[queue].resetting &&
	    !t->resetting && (t->status & VIRTDEV_STATUS_DRIVER_OK))
		virtdev_priv_call_notify(t, queue);
}

/* --------------------------- configuration space and shared memory regions */

uint64_t virtdev_transport_config_read(struct virtdev_transport *t,
				       uint32_t off, uint32_t len)
{
	unsigned char bytes[8] = { 0 };

	if (len > sizeof(bytes))
		return 0;
	virtdev_config_read(t->dev, off, bytes, len);
	return vsu_le_load(bytes, len);
}

void virtdev_transport_config_write(struct virtdev_transport *t, uint32_t off,
				    uint32_t len, uint64_t value)
{
	unsigned char bytes[8];

	if (len > sizeof(bytes))
		return;
	vsu_le_store(bytes, value, len);
	if (virtdev_config_write(t->dev, off, bytes, len) < 0)
		return;	/* the driver is not notified (section 2.5) */
}

void virtdev_transport_shared_region(struct virtdev_transport *t, uint32_t id,
				     uint64_t *base, uint64_t *len)
{
	if (t->ops.shared_region &&
	    t->ops.shared_region(t->opaque, id, base, len))
		return;
	*base = *len = UINT64_MAX;
}
