/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Operations common to all kinds of disks. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm-sys-util/sized.h>

#include "disk/priv.h"

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
	disk->capacity = info->capacity;
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

int virtdev_priv_disk_check_free(const struct virtdev_disk *disk,
				 const char *what, struct vsu_error *err)
{
	return disk->owned ? vsu_error_set(err, -EBUSY,
			"%s: the disk over %s belongs to a device already; make one disk for each device",
			what, disk->ops.name) : 0;
}

const struct virtdev_disk_info *virtdev_priv_disk_info(
		const struct virtdev_disk *disk)
{
	return &disk->info;
}

uint64_t virtdev_priv_disk_capacity(const struct virtdev_disk *disk)
{
	return __atomic_load_n(&disk->capacity, __ATOMIC_RELAXED);
}

/* Rejects shrinking, which would discard data of the guest. */
static int check_growth(const struct virtdev_disk *disk, uint64_t bytes,
			struct vsu_error *err)
{
	const uint64_t now = virtdev_priv_disk_capacity(disk);

	if (!disk->ops.resize)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "a disk over %s cannot be resized", disk->ops.name);
	if (bytes && bytes % disk->info.block_size)
		return vsu_error_set(err, -EINVAL,
				     "%" PRIu64 " bytes are not a multiple of the disk's block size, %" PRIu32,
				     bytes, disk->info.block_size);
	if (bytes && bytes < now)
		return vsu_error_set(err, -EINVAL,
				     "the disk has %" PRIu64 " bytes already; it can grow, but not shrink",
				     now);
	return 0;
}

int virtdev_priv_disk_resize(struct virtdev_disk *disk, uint64_t bytes,
			     struct vsu_error *err)
{
	uint64_t capacity = 0;
	int rc = check_growth(disk, bytes, err);

	if (!rc)
		rc = disk->ops.resize(disk->self, bytes, &capacity, err);
	if (rc < 0)
		return rc;
	capacity -= capacity % disk->info.block_size;
	if (capacity < virtdev_priv_disk_capacity(disk))
		return vsu_error_set(err, -EINVAL,
				     "the storage of the disk has %" PRIu64 " bytes, fewer than the guest has seen",
				     capacity);
	__atomic_store_n(&disk->capacity, capacity, __ATOMIC_RELAXED);
	return 0;
}

const char *virtdev_priv_disk_engine(const struct virtdev_disk *disk)
{
	return disk->ops.name;
}
