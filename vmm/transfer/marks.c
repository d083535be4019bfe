/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replaces the guest's map by the same with or without bitmaps. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "machine/sharing.h"
#include "transfer/marks.h"

#define PAGE_SHIFT 12u

static int copy_region(const struct vmem_region *r, uint32_t shift,
		       struct vmem_region **out, struct vsu_error *err)
{
	const struct vmem_region_desc desc = {
		.block = vmem_region_block(r), .offset = vmem_region_offset(r),
		.gpa = vmem_region_gpa(r), .len = vmem_region_len(r),
		.flags = vmem_region_is_rom(r) ? VMEM_REGION_ROM : 0,
		.dirty_page_shift = shift,
	};
	int rc = vmem_region_new(&desc, out, err);

	if (!rc && shift)
		vmem_dirty_enable(vmem_region_dirty(*out));
	return rc;
}

static int copy_map(const struct vmem_map *map, uint32_t shift,
		    struct vmem_map **out, struct vsu_error *err)
{
	unsigned int n = vmem_map_count(map), i, made = 0;
	struct vmem_region **regions = calloc(n + 1, sizeof(struct vmem_region *));
	int rc = regions ? 0 : vsu_error_set(err, -ENOMEM, "no memory for a map");

	for (i = 0; !rc && i < n; i++) {
		rc = copy_region(vmem_map_region(map, i), shift, &regions[i],
				 err);
		made += !rc;
	}
	if (!rc)
		rc = vmem_map_from_regions(regions, n, out, err);
	while (made > 0)
		vmem_region_unref(regions[--made]);
	free(regions);
	return rc;
}

/* The slots are the same, and change their references. */
static int publish_map(struct vmm_machine *m, struct vmem_map *map,
		       struct vsu_error *err)
{
	int rc = varch_slots_apply(m->slots, map, err);

	if (!rc)
		rc = vmem_space_publish(m->memory.space, map);
	if (!rc && m->shmem.changed)
		m->shmem.changed(m->shmem.opaque);
	vmem_space_reclaim(m->memory.space);
	return rc;
}

static int replace_map(struct vmm_machine *m, uint32_t shift,
		       struct vmem_map **map, struct vsu_error *err)
{
	int rc = copy_map(vmm_memory_map(&m->memory), shift, map, err);

	if (rc < 0)
		return rc;
	rc = publish_map(m, *map, err);
	if (rc < 0) {
		vmem_map_unref(*map);
		*map = NULL;
	}
	return rc;
}

int vmm_marks_begin(struct vmm_machine *m, struct vmem_map **map,
		    struct vhost_dirty_log *log, struct vsu_error *err)
{
	int rc = replace_map(m, PAGE_SHIFT, map, err);

	return rc ? rc : vmm_sharing_begin_log(m, log, err);
}

void vmm_marks_end(struct vmm_machine *m, struct vhost_dirty_log *log)
{
	struct vmem_map *map;

	vmm_sharing_end_log(m, log);
	if (!replace_map(m, 0, &map, NULL))
		vmem_map_unref(map);
}
