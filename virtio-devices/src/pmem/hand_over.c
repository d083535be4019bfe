/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hands the file of persistent memory over to another process. */
#include <config.h>

#include <errno.h>

#include "core/device_priv.h"
#include "pmem/priv.h"

static struct virtdev_disk *disk_of(const struct virtdev *dev, struct vsu_error *err)
{
	const struct pmem *p = virtdev_priv_self(dev, virtdev_priv_pmem_stats);

	if (!p)
		vsu_error_set(err, -EINVAL, "this device is no persistent memory");
	return p ? p->disk : NULL;
}

int virtdev_pmem_set_locked(struct virtdev *dev, bool locked, struct vsu_error *err)
{
	struct virtdev_disk *disk = disk_of(dev, err);

	return disk ? virtdev_priv_disk_set_locked(disk, locked, err) : -EINVAL;
}

int virtdev_pmem_flush(struct virtdev *dev, struct vsu_error *err)
{
	struct virtdev_disk *disk = disk_of(dev, err);

	return disk ? virtdev_priv_disk_flush(disk, err) : -EINVAL;
}

int virtdev_pmem_identify(struct virtdev *dev, struct virtdev_disk_identity *out,
			  struct vsu_error *err)
{
	const struct virtdev_disk *disk = disk_of(dev, err);
	int rc = disk ? virtdev_priv_disk_identify(disk, out, err) : -EINVAL;

	if (!rc) {
		out->seconds = 0;
		out->ns = 0;
	}
	return rc;
}
