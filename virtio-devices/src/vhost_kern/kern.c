/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device in front of the kernel's vhost: its life, and the guest's memory. */
#include <config.h>

#include <stdlib.h>

#include "vhost_kern/priv.h"

void virtdev_vhost_kern_free(struct virtdev_vhost_kern *k)
{
	uint32_t i;

	if (!k)
		return;
	for (i = 0; i < k->nsides; i++)
		vhost_kern_free(k->sides[i]);
	virtdev_free(k->dev);
	vmem_map_unref(k->map);
	free(k->rings);
	free(k);
}

struct virtdev *virtdev_vhost_kern_device(const struct virtdev_vhost_kern *k)
{
	return k->dev;
}

const char *virtdev_vhost_kern_name(const struct virtdev_vhost_kern *k)
{
	return vhost_kern_name(k->sides[0]);
}

static int set_memory(struct virtdev_vhost_kern *k, uint32_t n,
		      struct vmem_map *map, uint32_t *done,
		      struct vsu_error *err)
{
	int rc = 0;

	for (*done = 0; !rc && *done < n; *done += !rc)
		rc = vhost_kern_set_memory(k->sides[*done], map, err);
	return rc;
}

/* All sides or none: on failure, running sides keep the previous map. */
int virtdev_priv_kern_set_memory(struct virtdev_vhost_kern *k,
				  struct vmem_map *map, struct vsu_error *err)
{
	struct vmem_map *former = k->map;
	uint32_t done, undone;
	int rc = set_memory(k, k->nsides, map, &done, err);

	if (rc < 0) {
		(void)!set_memory(k, done, former, &undone, NULL);
		return rc;
	}
	k->map = vmem_map_ref(map);
	vmem_map_unref(former);
	return 0;
}
