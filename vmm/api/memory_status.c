/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory of a machine for its owner: its pieces, and the windows of back-ends. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <vm-memory/kvm.h>

#include "api/results.h"

/*
 * The first region of a block that is split at 3 GiB has the present bytes of both, between
 * which there can be other blocks.
 */
static bool has_present(const struct vmem_region *region)
{
	return !vmem_region_offset(region);
}

/* The regions of the guest's memory, from *at on: *at is behind the one that is returned. */
static const struct vmem_region *next_region(const struct vmm_machine *m, unsigned int *at)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const struct vmem_region *region;

	while (*at < vmem_map_count(map)) {
		region = vmem_map_region(map, (*at)++);
		if (!vmm_window_of(&m->shmem, region))
			return region;
	}
	return NULL;
}

void cvmm_priv_count_memory(const struct vmm_machine *m, uint64_t *size, uint64_t *present)
{
	const struct vmem_region *region;
	unsigned int at = 0;

	*size = *present = 0;
	while ((region = next_region(m, &at))) {
		*size += vmem_region_len(region);
		if (has_present(region))
			*present += vmem_block_present(vmem_region_block(region));
	}
}

static void read_private(const struct vmm_machine *m, struct cvmm_memory_piece *out)
{
	const struct vmm_private *p = &m->private_memory;
	const struct vmm_private_piece *piece = vmm_private_find(p, out->gpa);

	if (!piece)
		return;
	out->has_private = true;
	out->private_bytes = vmem_gpa_set_count(&p->ranges, piece->gpa, piece->len);
	out->shared_bytes = piece->len - out->private_bytes;
	out->conversions = piece->conversions;
	out->failed_conversions = piece->failed;
	out->released_bytes = piece->released;
}

static struct cvmm_memory_piece read_piece(const struct vmm_machine *m,
					   const struct vmem_region *region)
{
	const struct vmem_block *block = vmem_region_block(region);
	struct cvmm_memory_piece p = {
		.gpa = vmem_region_gpa(region), .bytes = vmem_region_len(region),
		.backend = vmem_kind_name(vmem_block_kind(block)),
		.shared = vmem_block_flags(block) & VMEM_BLOCK_SHARED,
		.rom = vmem_region_is_rom(region), .fd = -1, .has_present = has_present(region),
		.mapped = vmem_region_hva(region), .writable = vmem_block_flags(block) & VMEM_BLOCK_WRITE,
		.slot = vmem_block_slot_name(block, vmem_region_is_rom(region)), .block_fd = vmem_block_fd(block),
		.offset = vmem_region_file_pos(region, 0),
	};

	if (p.has_present)
		p.present = vmem_block_present(block);
	if (vmem_block_kind(block) == VMEM_KIND_FILE) {
		p.fd = p.block_fd;
		p.readonly = (fcntl(p.fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
	}
	read_private(m, &p);
	return p;
}

int cvmm_machine_get_memory(struct cvmm_machine *m, unsigned int piece,
			    struct cvmm_memory_piece *out, struct vsu_error *err)
{
	int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_memory_piece", err);
	const struct vmem_region *region;
	struct cvmm_memory_piece p;
	unsigned int i, at = 0;

	if (!rc)
		rc = cvmm_priv_check_made(m, err);
	if (rc < 0)
		return rc;
	region = next_region(m->machine, &at);
	for (i = 0; region && i < piece; i++)
		region = next_region(m->machine, &at);
	if (!region)
		return vsu_error_set(err, -ENOENT, "no piece of memory has the number %u", piece);
	p = read_piece(m->machine, region);
	cvmm_priv_copy_result(out, out->size, &p, sizeof(p));
	return 0;
}

/* -1: it has been removed. */
static int owner_of(const struct vmm_machine *m, const struct vmm_window *w)
{
	unsigned int i;

	for (i = 0; w->owner && i < m->ndevices; i++)
		if (m->devices[i].virtio == w->owner)
			return (int)i;
	return -1;
}

static void count_mappings(const struct vmm_machine *m, const struct vmm_window *w,
			   struct cvmm_window *out)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const struct vmem_region *region;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++) {
		region = vmem_map_region(map, i);
		if (vmm_window_of(&m->shmem, region) != w)
			continue;
		out->mapped += vmem_region_len(region);
		out->mappings++;
	}
}

int cvmm_machine_get_window(struct cvmm_machine *m, unsigned int window, struct cvmm_window *out,
			    struct vsu_error *err)
{
	int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_window", err);
	const struct vmm_window *w = NULL;
	struct cvmm_window r;
	unsigned int i, n = 0;
	int owner = -1;

	if (!rc)
		rc = cvmm_priv_check_made(m, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < m->machine->shmem.n && n <= window; i++) {
		w = &m->machine->shmem.windows[i];
		owner = owner_of(m->machine, w);
		n += owner >= 0;
	}
	if (n <= window)
		return vsu_error_set(err, -ENOENT, "no window has the number %u", window);
	r = (struct cvmm_window){
		.device = (unsigned int)owner, .shmid = w->shmid, .gpa = w->gpa, .bytes = w->len,
	};
	count_mappings(m->machine, w, &r);
	cvmm_priv_copy_result(out, out->size, &r, sizeof(r));
	return 0;
}
