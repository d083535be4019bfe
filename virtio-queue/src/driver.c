/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The driver side of a ring, independent of its format. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>

#include "driver_priv.h"
#include "ring.h"

/* The used ring begins a cache line of its own, because the device writes it. */
#define DEVICE_ALIGN 64u

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

int vq_ring_layout(uint32_t size, uint64_t features, struct vq_layout *out)
{
	bool packed = features & VQ_F_RING_PACKED;
	uint64_t driver_len = packed ? RING_EVENT_SIZE :
			      RING_ENTRIES + 2 * (uint64_t)size + 2;
	uint64_t device_len = packed ? RING_EVENT_SIZE :
			      RING_ENTRIES + 8 * (uint64_t)size + 2;

	if (size < 1 || size > VQ_MAX_SIZE ||
	    (!packed && !vsu_is_power_of_two(size)))
		return -EINVAL;
	out->desc = 0;
	out->driver = (uint64_t)size * RING_DESC_SIZE;
	out->device = align_up(out->driver + driver_len, DEVICE_ALIGN);
	out->size = align_up(out->device + device_len, 16);
	return 0;
}

/* The host address of an area in the driver's memory, or an error. */
static int find_memory(const struct vmem_view *view, const char *what,
		       uint64_t gpa, uint64_t len, unsigned char **out,
		       struct vsu_error *err)
{
	uint32_t hint = 0;
	unsigned char *hva = vmem_view_translate(view, &hint, gpa, len,
						 VMEM_READ | VMEM_WRITE);

	if (!vsu_is_aligned(gpa, 16))
		return vsu_error_set(err, -EINVAL, "%s at %#" PRIx64
				     ": the address is not a multiple of 16",
				     what, gpa);
	if (!hva)
		return vsu_error_set(err, -EFAULT, "%s at %#" PRIx64
				     " of %" PRIu64
				     " bytes is not within one region of guest memory",
				     what, gpa, len);
	*out = hva;
	return 0;
}

static int find_ring(struct vq_driver *d, const struct vq_driver_config *config,
		     struct vsu_error *err)
{
	unsigned char *ring;
	int rc = find_memory(d->view, "the ring", config->gpa, d->layout.size,
			     &ring, err);

	if (rc < 0)
		return rc;
	d->gpa = config->gpa;
	d->desc = ring + d->layout.desc;
	d->driver = ring + d->layout.driver;
	d->device = ring + d->layout.device;
	return 0;
}

static int find_tables(struct vq_driver *d,
		       const struct vq_driver_config *config,
		       struct vsu_error *err)
{
	uint64_t len = (uint64_t)config->size * config->indirect_max *
		       RING_DESC_SIZE;

	if (!config->indirect_max)
		return 0;
	if (!(config->features & VQ_F_INDIRECT_DESC))
		return vsu_error_set(err, -EINVAL,
				     "indirect tables without the feature");
	d->indirect_gpa = config->indirect_gpa;
	d->indirect_max = config->indirect_max;
	return find_memory(d->view, "the indirect tables",
			   config->indirect_gpa, len, &d->indirect, err);
}

int vq_driver_new(const struct vq_driver_config *config,
		  struct vq_driver **out, struct vsu_error *err)
{
	struct vq_layout layout;
	struct vq_driver *d;
	int rc;

	if (vq_ring_layout(config->size, config->features, &layout) < 0)
		return vsu_error_set(err, -EINVAL, "a ring cannot have %" PRIu32
				     " entries", config->size);
	d = calloc(1, sizeof(*d) + config->size * sizeof(d->requests[0]));
	if (!d)
		return vsu_error_set(err, -ENOMEM, "no memory for %" PRIu32
				     " requests", config->size);
	d->ops = config->features & VQ_F_RING_PACKED ?
		 &vq_priv_driver_packed : &vq_priv_driver_split;
	d->map = vmem_map_ref(config->map);
	d->view = vmem_map_view(d->map);
	d->layout = layout;
	d->size = config->size;
	d->has_event_idx = config->features & VQ_F_EVENT_IDX;
	d->in_order = config->features & VQ_F_IN_ORDER;
	d->has_notification_data = config->features & VQ_F_NOTIFICATION_DATA;
	rc = find_tables(d, config, err);
	if (rc == 0)
		rc = find_ring(d, config, err);
	if (rc < 0) {
		vq_driver_free(d);
		return rc;
	}
	vq_driver_reset(d);
	*out = d;
	return 0;
}

void vq_driver_reset(struct vq_driver *driver)
{
	uint32_t i;

	memset(driver->desc, 0, driver->layout.size);
	for (i = 0; i < driver->size; i++) {
		driver->requests[i].held.nslots = 0;
		driver->requests[i].next = (uint16_t)(i + 1);
	}
	driver->nfree = driver->nlisted = driver->size;
	driver->free_head = 0;
	driver->free_tail = (uint16_t)(driver->size - 1);
	driver->next_avail = driver->next_used = driver->published = 0;
	driver->added = 0;
	driver->order_in = driver->order_out = 0;
	driver->in_batch = driver->broken = false;
	driver->avail_wrap = driver->used_wrap = true;
}

void vq_driver_free(struct vq_driver *driver)
{
	if (!driver)
		return;
	vmem_map_unref(driver->map);
	free(driver);
}

uint64_t vq_driver_desc_gpa(const struct vq_driver *driver)
{
	return driver->gpa + driver->layout.desc;
}

uint64_t vq_driver_driver_gpa(const struct vq_driver *driver)
{
	return driver->gpa + driver->layout.driver;
}

uint64_t vq_driver_device_gpa(const struct vq_driver *driver)
{
	return driver->gpa + driver->layout.device;
}

int vq_driver_add(struct vq_driver *driver, const struct vq_buffer *buffers,
		  unsigned int n, uint64_t cookie)
{
	return driver->ops->add(driver, buffers, n, cookie);
}

bool vq_driver_publish(struct vq_driver *driver)
{
	return driver->ops->publish(driver);
}

int vq_driver_collect(struct vq_driver *driver, uint64_t *cookie,
		      uint32_t *written)
{
	return driver->ops->collect(driver, cookie, written);
}

uint32_t vq_driver_notification(const struct vq_driver *driver, uint16_t index)
{
	if (!driver->has_notification_data)
		return index;
	return (uint32_t)driver->ops->position(driver) << 16 | index;
}

void vq_driver_disable_call(struct vq_driver *driver)
{
	driver->ops->disable_call(driver);
}

bool vq_driver_enable_call(struct vq_driver *driver)
{
	return driver->ops->enable_call(driver);
}

unsigned int vq_driver_inflight(const struct vq_driver *driver)
{
	return driver->ops->inflight(driver);
}
