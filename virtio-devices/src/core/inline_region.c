/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared memory regions; the server's owner provides their memory. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/sized.h>

#include "core/inline_priv.h"

int virtdev_priv_inline_region_change(void *opaque, bool map,
				      const struct virtdev_mapping *m,
				      uint64_t cookie)
{
	const struct virtdev_inline *h = opaque;

	return h->owner.region_change ?
	       h->owner.region_change(h->owner_opaque, map, m, cookie) :
	       -EOPNOTSUPP;
}

int virtdev_priv_inline_region_address(void *opaque, uint8_t region,
				       uint64_t *gpa)
{
	const struct virtdev_inline *h = opaque;

	return h->owner.region_address ?
	       h->owner.region_address(h->owner_opaque, region, gpa) :
	       -EOPNOTSUPP;
}

void virtdev_priv_inline_empty_regions(struct virtdev_inline *h)
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

int virtdev_inline_set_regions(struct virtdev_inline *h,
			       const struct virtdev_server_ops *ops,
			       void *opaque)
{
	struct virtdev_server_ops copy = { 0 };
	int rc = vsu_copy_sized(&copy, sizeof(copy), ops,
				"struct virtdev_server_ops", NULL);

	if (rc < 0)
		return rc;
	h->owner = copy;
	h->owner_opaque = opaque;
	return 0;
}
