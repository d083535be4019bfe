/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared memory regions: windows, and the back-end's mappings in them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/mappings.h"
#include "wire/descriptor.h"
#include <vmm-sys-util/checked.h>

#define MIB2 (UINT64_C(2) << 20)
#define GIB (UINT64_C(1) << 30)
#define MAPS_INITIAL 16u

/* ------------------------------------------------------------------ regions */

/* Alignment that permits large pages for a memory slot over a large mapping. */
static uint64_t window_align(uint64_t size)
{
	if (size >= GIB)
		return GIB;
	return size >= MIB2 ? MIB2 : 0;
}

static int check_config(const struct vhost_user_shmem_config *config,
			uint64_t max_bytes, struct vsu_error *err)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), sum = 0;
	uint32_t i, n = 0;

	for (i = 0; i < VHOST_USER_MAX_SHMEM; i++) {
		if (!vsu_is_aligned(config->sizes[i], page))
			return vsu_error_set(err, -EBADMSG,
					     "shared memory region %" PRIu32 " of %#" PRIx64
					     " bytes is not made of whole pages",
					     i, config->sizes[i]);
		if (vsu_u64_add_overflow(sum, config->sizes[i], &sum) ||
		    sum > max_bytes)
			return vsu_error_set(err, -ENOSPC,
					     "the shared memory regions exceed %#" PRIx64
					     " bytes", max_bytes);
		n += config->sizes[i] != 0;
	}
	if (n != config->nregions)
		return vsu_error_set(err, -EBADMSG,
				     "%" PRIu32 " shared memory regions are announced, %" PRIu32
				     " have a size", config->nregions, n);
	return 0;
}

static int new_regions(struct vhost_user_priv_mappings *s,
			const struct vhost_user_shmem_config *config,
			struct vsu_error *err)
{
	struct vhost_user_priv_shm_region *r;
	uint32_t i;
	int rc;

	for (i = 0; i < VHOST_USER_MAX_SHMEM; i++) {
		if (!config->sizes[i])
			continue;
		r = &s->regions[s->nregions];
		rc = vmem_reservation_new(config->sizes[i],
					  window_align(config->sizes[i]),
					  &r->window, err);
		if (rc < 0)
			return rc;
		r->shmid = (uint8_t)i;
		s->nregions++;
	}
	return 0;
}

int vhost_user_priv_mappings_configure(struct vhost_user_priv_mappings *s,
				    const struct vhost_user_shmem_config *config,
				    uint64_t max_bytes, struct vsu_error *err)
{
	int rc = check_config(config, max_bytes, err);

	if (rc < 0)
		return rc;
	s->regions = calloc(config->nregions + 1, sizeof(*s->regions));
	if (!s->regions)
		return vsu_error_sys(err, -ENOMEM, "shared memory regions");
	rc = new_regions(s, config, err);
	if (rc < 0)
		vhost_user_priv_mappings_fini(s);
	return rc;
}

int vhost_user_priv_mappings_compare(const struct vhost_user_priv_mappings *s,
				  const struct vhost_user_shmem_config *config,
				  struct vsu_error *err)
{
	uint64_t size;
	unsigned int i;

	for (i = 0; i < VHOST_USER_MAX_SHMEM; i++) {
		size = vhost_user_priv_mappings_size(s, (uint8_t)i);
		if (config->sizes[i] != size)
			return vsu_error_set(err, -EOPNOTSUPP,
					     "shared memory region %u has %#" PRIx64 " bytes, the previous back-end's had %#" PRIx64,
					     i, config->sizes[i], size);
	}
	return 0;
}

void vhost_user_priv_mappings_fini(struct vhost_user_priv_mappings *s)
{
	struct vhost_user_priv_shm_region *r;

	while (s->nregions) {
		r = &s->regions[--s->nregions];
		while (r->nmaps)
			vmem_block_unref(r->maps[--r->nmaps].block);
		free(r->maps);
		vmem_reservation_free(r->window);
	}
	free(s->regions);
	s->regions = NULL;
	s->nmaps = 0;
	s->mapped = 0;
}

static struct vhost_user_priv_shm_region *
find_region(const struct vhost_user_priv_mappings *s, uint8_t shmid)
{
	uint32_t i;

	for (i = 0; i < s->nregions; i++)
		if (s->regions[i].shmid == shmid)
			return &s->regions[i];
	return NULL;
}

struct vmem_reservation *
vhost_user_priv_mappings_window(const struct vhost_user_priv_mappings *s,
			     uint8_t shmid)
{
	struct vhost_user_priv_shm_region *r = find_region(s, shmid);

	return r ? r->window : NULL;
}

uint64_t vhost_user_priv_mappings_size(const struct vhost_user_priv_mappings *s,
				    uint8_t shmid)
{
	struct vhost_user_priv_shm_region *r = find_region(s, shmid);

	return r ? vmem_reservation_len(r->window) : 0;
}

static int no_region(uint8_t shmid, struct vsu_error *err)
{
	return vsu_error_set(err, -ENOENT,
			     "no shared memory region %u",
			     shmid);
}

/* ----------------------------------------------------------------- mappings */

static int check_request(const struct vhost_user_shmem_mmap *req,
			 struct vsu_error *err)
{
	uint64_t end;

	if (!req->len)
		return vsu_error_set(err, -EBADMSG, "an empty mapping");
	if (req->flags & ~(uint64_t)VHOST_USER_SHMEM_RW)
		return vsu_error_set(err, -EBADMSG, "unknown flags %#" PRIx64
				     " of a mapping", req->flags);
	/* file offsets are signed */
	if (vsu_u64_add_overflow(req->fd_offset, req->len, &end) ||
	    end > INT64_MAX)
		return vsu_error_set(err, -EBADMSG, "%#" PRIx64 " bytes at %#"
				     PRIx64 " exceed any file", req->len,
				     req->fd_offset);
	return 0;
}

static int check_budget(const struct vhost_user_priv_mappings *s, uint64_t len,
			struct vsu_error *err)
{
	if (s->nmaps >= s->max_maps)
		return vsu_error_set(err, -ENOSPC, "the back-end has %" PRIu32
				     " mappings, which is the limit", s->nmaps);
	if (len > s->max_mapped - s->mapped)
		return vsu_error_set(err, -ENOSPC, "the back-end has %#" PRIx64
				     " bytes mapped, with %#" PRIx64
				     " more the limit of %#" PRIx64 " is exceeded",
				     s->mapped, len, s->max_mapped);
	return 0;
}

static int make_room(struct vhost_user_priv_shm_region *r,
		     struct vsu_error *err)
{
	uint32_t room = r->room ? 2 * r->room : MAPS_INITIAL;
	struct vhost_user_priv_mapping *maps;

	if (r->nmaps < r->room)
		return 0;
	maps = realloc(r->maps, room * sizeof(*maps));
	if (!maps)
		return vsu_error_sys(err, -ENOMEM, "a mapping");
	r->maps = maps;
	r->room = room;
	return 0;
}

/* The first mapping that starts at or after off; nmaps if none does. */
static uint32_t mapping_from(const struct vhost_user_priv_shm_region *r,
			     uint64_t off)
{
	uint32_t low = 0, high = r->nmaps, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (r->maps[mid].off < off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void mapping_add(struct vhost_user_priv_mappings *s,
			struct vhost_user_priv_shm_region *r, uint64_t off,
			struct vmem_block *block)
{
	const uint32_t at = mapping_from(r, off);
	struct vhost_user_priv_mapping *m = &r->maps[at];

	memmove(m + 1, m, (r->nmaps++ - at) * sizeof(*m));
	m->off = off;
	m->len = vmem_block_len(block);
	m->block = block;
	s->nmaps++;
	s->mapped += m->len;
}

static void mapping_remove(struct vhost_user_priv_mappings *s,
			   struct vhost_user_priv_shm_region *r, uint32_t at)
{
	struct vhost_user_priv_mapping *m = &r->maps[at];

	s->mapped -= m->len;
	memmove(m, m + 1, (--r->nmaps - at) * sizeof(*m));
	s->nmaps--;
}

/* vm-memory checks overlap, alignment, file size and permission. */
int vhost_user_priv_mappings_map(struct vhost_user_priv_mappings *s,
			      const struct vhost_user_shmem_mmap *req, int *fd,
			      struct vmem_block **block, struct vsu_error *err)
{
	const struct vmem_fd_desc desc = {
		.fd = *fd,
		.flags = VMEM_BLOCK_SHARED |
			 (req->flags & VHOST_USER_SHMEM_RW ? VMEM_BLOCK_WRITE :
							     0),
		.fd_offset = req->fd_offset,
		.len = req->len,
		.sigbus = s->sigbus,
		.closer = s->closer,
	};
	struct vhost_user_priv_shm_region *r = find_region(s, req->shmid);
	int rc;

	if (!r)
		return no_region(req->shmid, err);
	rc = check_request(req, err);
	if (!rc)
		rc = vhost_user_priv_check_file(*fd, s->served_files,
						"SHMEM_MAP", err);
	if (!rc)
		rc = check_budget(s, req->len, err);
	if (!rc)
		rc = make_room(r, err);
	if (!rc)
		rc = vmem_block_new_take_fd_at(r->window, req->shm_offset,
					       &desc, block, err);
	if (rc < 0)
		return rc;
	*fd = -1;
	mapping_add(s, r, req->shm_offset, *block);
	return 0;
}

int vhost_user_priv_mappings_unmap(struct vhost_user_priv_mappings *s, uint8_t shmid,
				uint64_t off, uint64_t len,
				struct vmem_block **block,
				struct vsu_error *err)
{
	struct vhost_user_priv_shm_region *r = find_region(s, shmid);
	uint32_t i;

	if (!r)
		return no_region(shmid, err);
	i = mapping_from(r, off);
	if (i < r->nmaps && r->maps[i].off == off && r->maps[i].len == len) {
		*block = r->maps[i].block;
		mapping_remove(s, r, i);
		return 0;
	}
	return vsu_error_set(err, -ENOENT,
			     "no mapping of shared memory region %u is exactly %#" PRIx64 " bytes at %#" PRIx64,
			     shmid, len, off);
}

bool vhost_user_priv_mappings_any(const struct vhost_user_priv_mappings *s,
			       uint8_t *shmid, uint64_t *off, uint64_t *len)
{
	const struct vhost_user_priv_shm_region *r;
	uint32_t i;

	for (i = 0; i < s->nregions; i++) {
		r = &s->regions[i];
		if (!r->nmaps)
			continue;
		*shmid = r->shmid;
		*off = r->maps[r->nmaps - 1].off;
		*len = r->maps[r->nmaps - 1].len;
		return true;
	}
	return false;
}
