/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest's memory as the kernel receives it: a table of host addresses. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-queue/queue.h>

#include "kernel/priv.h"

static unsigned int count_exposed(const struct vmem_map *map)
{
	unsigned int i, n = 0;

	for (i = 0; i < vmem_map_count(map); i++)
		n += vhost_kern_priv_is_exposed(vmem_map_region(map, i));
	return n;
}

static struct vhost_memory *new_table(const struct vmem_map *map,
				       unsigned int n)
{
	struct vhost_memory *table = calloc(1, sizeof(*table) +
					       n * sizeof(table->regions[0]));
	const struct vmem_region *region;
	struct vhost_memory_region *to;
	unsigned int i;

	for (i = 0; table && i < vmem_map_count(map); i++) {
		region = vmem_map_region(map, i);
		if (!vhost_kern_priv_is_exposed(region))
			continue;
		to = &table->regions[table->nregions++];
		to->guest_phys_addr = vmem_region_gpa(region);
		to->memory_size = vmem_region_len(region);
		to->userspace_addr = (uintptr_t)vmem_region_hva(region);
	}
	return table;
}

static int send_table(const struct vhost_kern *k, const struct vmem_map *map,
		      struct vsu_error *err)
{
	const unsigned int n = count_exposed(map);
	struct vhost_memory *table;
	int rc;

	if (n > k->limit)
		return vsu_error_set(err, -ENOSPC,
				     "the guest has %u memory regions, the limit of '%s' is %u; increase max_mem_regions of the kernel module vhost",
				     n, k->name, k->limit);
	table = new_table(map, n);
	if (!table)
		return vsu_error_sys(err, -ENOMEM, "'%s': memory", k->name);
	rc = vhost_kern_priv_call(k, VHOST_SET_MEM_TABLE, table);
	free(table);
	return rc < 0 ? vsu_error_sys(err, rc, "'%s': %u regions of memory",
				      k->name, n) : 0;
}

/* A running ring must keep its host addresses, which the kernel caches. */
static int check_ring(const struct vhost_kern *k, uint32_t index,
		      const struct vmem_map *map, struct vsu_error *err)
{
	const struct kern_ring *ring = &k->rings[index];
	struct vhost_vring_addr now;

	if (!ring->running)
		return 0;
	if (vhost_kern_priv_locate(k, index, map, &now, NULL) == 0 &&
	    !memcmp(&now, &ring->sent_addr, sizeof(now)))
		return 0;
	return vsu_error_set(err, -EBUSY,
			     "'%s': ring %" PRIu32 " runs in memory that would be removed",
			     k->name, index);
}

int vhost_kern_set_memory(struct vhost_kern *k, struct vmem_map *map,
			  struct vsu_error *err)
{
	struct vmem_map *old = k->map;
	uint32_t i;
	int rc = vhost_kern_priv_check_log(k, map, err);

	for (i = 0; !rc && i < VHOST_KERN_RINGS; i++)
		rc = check_ring(k, i, map, err);
	if (!rc)
		rc = send_table(k, map, err);
	if (rc < 0)
		return rc;
	k->map = vmem_map_ref(map);
	vmem_map_unref(old);
	return 0;
}
