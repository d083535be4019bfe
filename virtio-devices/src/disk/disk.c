/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A disk as its users see it, whatever kind it is of. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/sized.h>

#include "disk/disk_priv.h"

int virtdev_disk_new(const struct virtdev_disk_ops *ops,
		     const struct virtdev_disk_info *info, void *self,
		     struct virtdev_disk **out)
{
	struct virtdev_disk *disk = calloc(1, sizeof(*disk));
	int rc;

	if (!disk)
		return -ENOMEM;
	rc = vsu_copy_sized(&disk->ops, sizeof(disk->ops), ops,
			    "struct virtdev_disk_ops", NULL);
	if (rc < 0) {
		free(disk);
		return rc;
	}
	disk->info = *info;
	disk->self = self;
	disk->fd = -1;
	*out = disk;
	return 0;
}

void virtdev_disk_free(struct virtdev_disk *disk)
{
	if (!disk)
		return;
	if (disk->ops.free)
		disk->ops.free(disk->self);
	free(disk);
}

const struct virtdev_disk_info *virtdev_disk_info(
		const struct virtdev_disk *disk)
{
	return &disk->info;
}

const char *virtdev_disk_engine(const struct virtdev_disk *disk)
{
	return disk->ops.name;
}
