/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared memory regions of a device (VIRTIO 1.3, section 2.10). */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/checked.h>

#include "core/device_struct.h"

#define PAGE 4096u

static const struct virtdev_region *find_region(const struct virtdev_info *info,
						uint32_t n, uint8_t id)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (info->regions[i].id == id)
			return &info->regions[i];
	return NULL;
}

bool virtdev_priv_has_good_regions(const struct virtdev_info *info)
{
	uint32_t i;

	if (info->nregions > VIRTDEV_REGIONS)
		return false;
	for (i = 0; i < info->nregions; i++)
		if (!info->regions[i].len || info->regions[i].len % PAGE ||
		    info->regions[i].len > INT64_MAX ||
		    find_region(info, i, info->regions[i].id))
			return false;
	return true;
}

static bool is_good_mapping(const struct virtdev *dev, bool map,
			    const struct virtdev_mapping *m)
{
	const struct virtdev_region *region =
		find_region(&dev->info, dev->info.nregions, m->region);

	return region && m->len && !((m->offset | m->len) % PAGE) &&
	       !vsu_range_exceeds(m->offset, m->len, region->len) &&
	       (!map || (m->fd >= 0 && !(m->fd_offset % PAGE) &&
			 m->fd_offset <= INT64_MAX - m->len));
}

static int change_region(struct virtdev *dev, bool map,
			 const struct virtdev_mapping *m, uint64_t cookie)
{
	if (!is_good_mapping(dev, map, m))
		return -EINVAL;
	return dev->server.region_change ?
	       dev->server.region_change(dev->server_opaque, map, m, cookie) :
	       -EOPNOTSUPP;
}

int virtdev_region_map(struct virtdev *dev, const struct virtdev_mapping *m,
		       uint64_t cookie)
{
	return change_region(dev, true, m, cookie);
}

int virtdev_region_unmap(struct virtdev *dev, const struct virtdev_mapping *m,
			 uint64_t cookie)
{
	return change_region(dev, false, m, cookie);
}

int virtdev_region_address(struct virtdev *dev, uint8_t region, uint64_t *gpa)
{
	if (!find_region(&dev->info, dev->info.nregions, region))
		return -EINVAL;
	return dev->server.region_address ?
	       dev->server.region_address(dev->server_opaque, region, gpa) :
	       -EOPNOTSUPP;
}

void virtdev_region_done(struct virtdev *dev, uint64_t cookie, int result)
{
	if (dev->ops.region_done)
		dev->ops.region_done(dev->self, cookie, result);
}
