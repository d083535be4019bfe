/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Translation of guest addresses to host addresses. The kernel uses these
 * addresses without further checks.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <virtio-queue/queue.h>

#include "kernel/priv.h"

bool vhost_kern_priv_is_exposed(const struct vmem_region *region)
{
	const uint32_t flags = vmem_block_flags(vmem_region_block(region));

	return (flags & VMEM_BLOCK_WRITE) && !vmem_region_is_rom(region);
}

/*
 * The host address of [gpa, gpa + len), which must be in one exposed region;
 * else NULL.
 */
static const void *find_exposed(const struct vmem_map *map, uint64_t gpa, uint64_t len)
{
	const struct vmem_region *region = vmem_map_find(map, gpa);
	uint64_t off;

	if (!region || !vhost_kern_priv_is_exposed(region))
		return NULL;
	off = gpa - vmem_region_gpa(region);
	return len <= vmem_region_len(region) - off ?
	       vmem_region_hva(region) + off : NULL;
}

/*
 * An area of a ring: guest address, length, and the field for its host address.
 */
struct area {
	uint64_t gpa, len;
	__u64 *host;
};

/* VIRTIO 1.3, section 2.7. The lengths include the event indexes. */
int vhost_kern_priv_locate(const struct vhost_kern *k, uint32_t index,
			   const struct vmem_map *map,
			   struct vhost_vring_addr *out, struct vsu_error *err)
{
	const struct vhost_user_ring *ring = &k->rings[index].desc;
	struct vhost_vring_addr addr = {
		.index = index, .log_guest_addr = ring->device_gpa,
	};
	const struct area areas[] = {
		{ ring->desc_gpa, UINT64_C(16) * ring->size,
		  &addr.desc_user_addr },
		{ ring->driver_gpa, UINT64_C(6) + 2 * ring->size,
		  &addr.avail_user_addr },
		{ ring->device_gpa, UINT64_C(6) + 8 * ring->size,
		  &addr.used_user_addr },
	};
	const void *at;
	unsigned int i;

	for (i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		at = find_exposed(map, areas[i].gpa, areas[i].len);
		*areas[i].host = (uintptr_t)at;
		if (!at)
			return vsu_error_set(err, -EFAULT,
					     "'%s': ring %" PRIu32 " has %" PRIu64 " bytes at %#" PRIx64 ", which is not in one region of the guest's memory",
					     k->name, index, areas[i].len,
					     areas[i].gpa);
	}
	*out = addr;
	return 0;
}

int vhost_kern_priv_send_addresses(const struct vhost_kern *k, uint32_t index)
{
	struct vhost_vring_addr addr = k->rings[index].sent_addr;

	addr.flags = k->log.bits ? 1u << VHOST_VRING_F_LOG : 0;
	return vhost_kern_priv_call(k, VHOST_SET_VRING_ADDR, &addr);
}
