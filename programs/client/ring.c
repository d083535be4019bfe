/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The driver side of a virtqueue in a client. */
#include <config.h>

#include <vm-memory/backend.h>
#include <vm-memory/block.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "ring.h"

#define NS_PER_MS UINT64_C(1000000)

/* ------------------------------------------------------------------- memory */

static int new_block(uint64_t size, struct vmem_block **out,
		     struct vsu_error *err)
{
	struct vmem_backend *backend;
	int rc = vmem_backend_new(&backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make memory");
	vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	vmem_backend_set_size(backend, size);
	rc = vmem_backend_alloc(backend, out, err);
	vmem_backend_free(backend);
	return rc;
}

static int add_block(struct vmem_map **map, struct vmem_block *block,
		     uint64_t gpa, struct vsu_error *err)
{
	const struct vmem_region_desc desc = {
		.block = block, .gpa = gpa, .len = vmem_block_len(block),
	};
	struct vmem_region *region;
	struct vmem_map *more;
	int rc = vmem_region_new(&desc, &region, err);

	if (rc < 0)
		return rc;
	rc = *map ? vmem_map_add(*map, region, &more, err) :
		    vmem_map_from_regions(&region, 1, &more, err);
	vmem_region_unref(region);
	if (rc < 0)
		return rc;
	vmem_map_unref(*map);
	*map = more;
	return 0;
}

int ring_memory(struct vmem_map **map, uint64_t gpa, uint64_t size,
		struct vsu_error *err)
{
	struct vmem_block *block;
	int rc = new_block(size, &block, err);

	if (rc < 0)
		return rc;
	rc = add_block(map, block, gpa, err);
	vmem_block_unref(block);
	return rc;
}

/* --------------------------------------------------------------------- life */

int ring_open(struct ring *r, const struct vq_driver_config *config,
	      struct vsu_error *err)
{
	int rc;

	*r = RING_NONE;
	rc = vq_driver_new(config, &r->driver, err);
	if (rc < 0)
		return rc;
	r->size = config->size;
	r->base = vq_initial_base(config->features);
	r->kick_fd = vsu_event_new();
	r->call_fd = vsu_event_new();
	if (r->kick_fd < 0 || r->call_fd < 0)
		return vsu_error_sys(err, r->kick_fd < 0 ? r->kick_fd :
				     r->call_fd, "cannot make an eventfd");
	return 0;
}

void ring_close(struct ring *r)
{
	vq_driver_free(r->driver);
	vsu_fd_close(&r->kick_fd);
	vsu_fd_close(&r->call_fd);
	*r = RING_NONE;
}

int ring_describe(const struct ring *r, struct client *c, uint32_t index,
		  struct vsu_error *err)
{
	const struct vhost_user_ring ring = {
		.size = r->size,
		.base = r->base,
		.desc_gpa = vq_driver_desc_gpa(r->driver),
		.driver_gpa = vq_driver_driver_gpa(r->driver),
		.device_gpa = vq_driver_device_gpa(r->driver),
		.kick_fd = r->kick_fd,
		.call_fd = r->call_fd,
		.err_fd = -1,
	};

	return vhost_user_frontend_set_ring(c->fe, index, &ring, err);
}

/* ------------------------------------------------------------------ requests */

void ring_kick(struct ring *r)
{
	if (vq_driver_publish(r->driver))
		vsu_event_signal(r->kick_fd);
}

/* Waits until the back-end has signalled a completion. */
static int ring_sleep(struct ring *r, struct client *c, uint64_t end_ns,
		      struct vsu_error *err)
{
	struct pollfd call = { .fd = r->call_fd, .events = POLLIN };

	if (vq_driver_enable_call(r->driver))
		return 0;
	if (client_poll_until(c, &call, 1, end_ns, err) != VSU_EXIT_OK)
		return err->code;
	vsu_event_drain(r->call_fd, NULL);
	return 0;
}

int ring_wait(struct ring *r, struct client *c, int ms, uint64_t *cookie,
	      uint32_t *written, struct vsu_error *err)
{
	const uint64_t end_ns = vsu_now_ns() + (uint64_t)ms * NS_PER_MS;
	bool late;
	int rc;

	do {
		late = vsu_now_ns() >= end_ns;
		rc = vq_driver_collect(r->driver, cookie, written);
		if (rc < 0)
			return vsu_error_sys(err, rc, "'%s': its ring", c->socket);
		if (rc == 1 || late)
			return rc;
		rc = ring_sleep(r, c, end_ns, err);
	} while (rc == 0);
	return rc;
}
