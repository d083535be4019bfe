/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared memory regions; the server's owner provides their memory. */
#include <config.h>

#include <errno.h>

#include "core/inline_priv.h"

int virtdev_priv_inline_region_change(void *opaque, bool map,
				      const struct virtdev_mapping *m,
				      uint64_t cookie)
{
	const struct inline_server *h = ((struct virtdev_server *)opaque)->self;

	return h->owner.region_change ?
	       h->owner.region_change(h->owner_opaque, map, m, cookie) :
	       -EOPNOTSUPP;
}

int virtdev_priv_inline_region_address(void *opaque, uint8_t region,
				       uint64_t *gpa)
{
	const struct inline_server *h = ((struct virtdev_server *)opaque)->self;

	return h->owner.region_address ?
	       h->owner.region_address(h->owner_opaque, region, gpa) :
	       -EOPNOTSUPP;
}

void virtdev_priv_inline_empty_regions(struct inline_server *h)
{
	const struct virtdev_info *info = virtdev_get_info(h->dev);
	struct virtdev_mapping all = { 0 };
	uint32_t i;

	for (i = 0; h->owner.region_change && i < info->nregions; i++) {
		if (info->regions[i].flags & VIRTDEV_REGION_APART)
			continue;
		all.region = info->regions[i].id;
		all.len = info->regions[i].len;
		(void)!h->owner.region_change(h->owner_opaque, false, &all, 0);
	}
}
