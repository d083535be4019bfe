/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory and rings of the front-end under "check-frontend", and a disk of zeros. */
#include <config.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "closer.h"
#include "front_disk.h"

#define PIECES 256u

/* ------------------------------------------------------------------- memory */

static bool publish(struct front_disk *d)
{
	struct vmem_map *map;
	bool fine;

	if (vmem_map_from_regions(d->regions, d->nregions, &map, NULL) < 0)
		return false;
	fine = vmem_space_publish(d->space, map) == 0;
	vmem_map_unref(map);
	(void)vmem_space_reclaim(d->space);
	return fine;
}

static struct vmem_region *map_region(const struct vhost_user_mem_region *r, int fd)
{
	const struct vmem_fd_desc desc = {
		.fd = fd, .flags = VMEM_BLOCK_SHARED | VMEM_BLOCK_WRITE,
		.fd_offset = r->mmap_offset, .len = r->size
	};
	struct vmem_region_desc piece = { .gpa = r->guest_addr, .len = r->size };
	struct vmem_region *region = NULL;

	if (vmem_block_new_fd(&desc, &piece.block, NULL) < 0)
		return NULL;
	if (vmem_region_new(&piece, &region, NULL) < 0)
		region = NULL;
	vmem_block_unref(piece.block);
	return region;
}

static bool add_region(struct front_disk *d, const struct vhost_user_mem_region *r, int fd)
{
	struct vmem_region *region;

	if (d->nregions == FRONT_SLOTS)
		return false;
	region = map_region(r, fd);
	if (!region)
		return false;
	d->wire[d->nregions] = *r;
	d->regions[d->nregions++] = region;
	return publish(d);
}

static bool remove_region(struct front_disk *d, const struct vhost_user_mem_region *r)
{
	unsigned int i;

	for (i = 0; i < d->nregions; i++)
		if (d->wire[i].guest_addr == r->guest_addr && d->wire[i].size == r->size)
			break;
	if (i == d->nregions)
		return false;
	vmem_region_unref(d->regions[i]);
	d->nregions--;
	d->regions[i] = d->regions[d->nregions];
	d->wire[i] = d->wire[d->nregions];
	return publish(d);
}

bool front_disk_region(struct front_disk *d, const struct vhost_user_mem_region *r, int fd)
{
	return fd < 0 ? remove_region(d, r) : add_region(d, r, fd);
}

void front_disk_forget(struct front_disk *d)
{
	while (d->nregions)
		vmem_region_unref(d->regions[--d->nregions]);
	(void)publish(d);
}

/* -------------------------------------------------------------------- rings */

struct front_ring *front_disk_ring(struct front_disk *d, uint32_t index)
{
	struct front_ring *r = index < FRONT_RINGS ? &d->rings[index] : NULL;

	if (r && !r->q && (vq_new(&r->q) < 0 || vq_set_space(r->q, d->space) < 0))
		return NULL;
	return r;
}

/* The front-end's own address as a guest address; all ones: none. */
static uint64_t guest_address(const struct front_disk *d, uint64_t user)
{
	const struct vhost_user_mem_region *r;

	for (r = d->wire; r < d->wire + d->nregions; r++)
		if (user >= r->user_addr && user - r->user_addr < r->size)
			return user - r->user_addr + r->guest_addr;
	return UINT64_MAX;
}

void front_disk_addr(struct front_disk *d, struct front_ring *r,
		     const struct vhost_user_vring_addr *addr)
{
	r->config.desc_gpa = guest_address(d, addr->desc);
	r->config.driver_gpa = guest_address(d, addr->avail);
	r->config.device_gpa = guest_address(d, addr->used);
}

static bool begin(struct front_disk *d, struct front_ring *r, uint32_t index)
{
	const uint64_t len = vq_inflight_size(d->area_queue_size, r->config.features);

	if (!r->started || !r->enabled)
		return false;
	if (vq_is_enabled(r->q))
		return true;
	if (d->area && (index + 1) * len <= d->area_size &&
	    vq_set_inflight(r->q, d->area + index * len, d->area_queue_size) < 0)
		return false;
	return vq_enable(r->q, &r->config, NULL) == 0;
}

static void complete(struct front_ring *r, struct vq_chain *chain)
{
	struct iovec *to = chain->iov + chain->nreadable;
	uint32_t i;

	for (i = 0; i < chain->nwritable; i++)
		memset(to[i].iov_base, 0, to[i].iov_len);
	vq_push(r->q, chain, chain->writable_len);
}

void front_disk_serve(struct front_disk *d, uint32_t index)
{
	struct front_ring *r = &d->rings[index];
	struct iovec iov[PIECES];
	struct vq_chain chain = { .iov = iov, .iov_max = PIECES };
	unsigned int n;

	if (!begin(d, r, index))
		return;
	for (n = 0; n < vq_size(r->q) && vq_pop(r->q, &chain) == 1; n++) {
		if (d->stalls || !chain.readable_len)
			continue;
		complete(r, &chain);
		if (vq_publish(r->q) && r->call >= 0)
			(void)vsu_event_signal(r->call);
	}
}

uint32_t front_disk_stop(struct front_ring *r)
{
	if (vq_is_enabled(r->q)) {
		r->config.base = vq_base(r->q);
		vq_disable(r->q);
	}
	r->started = false;
	vsu_fd_close(&r->kick);
	vsu_fd_close(&r->call);
	return r->config.base;
}

int front_disk_area(struct front_disk *d, unsigned int rings, unsigned int queue_size,
		    uint64_t *size)
{
	*size = rings * vq_inflight_size(queue_size, 0);
	if (d->area)
		munmap(d->area, d->area_size);
	vsu_fd_close(&d->area_fd);
	d->area = NULL;
	d->area_fd = memfd_create("inflight", MFD_CLOEXEC);
	if (d->area_fd < 0 || ftruncate(d->area_fd, (off_t)*size) < 0)
		return -1;
	d->area = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, d->area_fd, 0);
	if (d->area == MAP_FAILED)
		d->area = NULL;
	d->area_size = *size;
	d->area_queue_size = queue_size;
	return d->area_fd;
}

/* --------------------------------------------------------------------- life */

bool front_disk_open(struct front_disk *d)
{
	unsigned int i;

	memset(d, 0, sizeof(*d));
	d->area_fd = -1;
	for (i = 0; i < FRONT_RINGS; i++)
		d->rings[i].kick = d->rings[i].call = -1;
	return vmem_space_new(&d->space) == 0;
}

/* A chain in flight keeps its memory until its queue is freed. */
void front_disk_reset(struct front_disk *d)
{
	struct front_ring *r;

	for (r = d->rings; r < d->rings + FRONT_RINGS; r++) {
		if (r->q)
			(void)front_disk_stop(r);
		vq_free(r->q);
		*r = (struct front_ring){ .kick = -1, .call = -1 };
	}
	front_disk_forget(d);
}

void front_disk_close(struct front_disk *d)
{
	front_disk_reset(d);
	vmem_space_free(d->space);
	if (d->area)
		munmap(d->area, d->area_size);
	vsu_fd_close(&d->area_fd);
}
