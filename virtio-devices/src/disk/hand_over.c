/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Moves an image from one process to another: lock, cached data and identity. */
#include <config.h>

#include <errno.h>

#include "disk/file.h"
#include "disk/identity.h"
#include "disk/now.h"
#include "disk/priv.h"

int virtdev_priv_disk_set_locked(struct virtdev_disk *disk, bool locked,
				 struct vsu_error *err)
{
	const struct virtdev_priv_file *file = disk->file;

	if (disk->hand_over)
		return disk->hand_over->set_locked(disk, locked, err);
	if (!file)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "a disk over %s has no lock", disk->ops.name);
	if (locked)
		return virtdev_priv_file_lock(file->fd, file->info.read_only,
					      file->path, err);
	virtdev_priv_file_unlock(file->fd);
	return 0;
}

int virtdev_priv_disk_flush(struct virtdev_disk *disk,
			    struct vsu_error *err)
{
	struct virtdev_disk_request r = { .op = VIRTDEV_DISK_FLUSH };
	struct virtdev_priv_file *file = disk->file;
	struct virtdev_priv_step step;
	bool done;

	if (disk->hand_over)
		return disk->hand_over->flush(disk, err);
	if (disk->ops.flush_result)
		return disk->ops.flush_result(disk->self, err);
	if (!file || file->info.read_only)
		return 0;
	for (done = !virtdev_priv_file_begin(file, &r); !done;
	     done = virtdev_priv_file_outcome(file, &r,
					      virtdev_priv_file_call(file, &r, &step)))
		virtdev_priv_file_step(file, &r, &step);
	return r.result < 0 ? vsu_error_sys(err, r.result, "cannot flush '%s'",
					    file->path) : 0;
}

int virtdev_priv_disk_identify(const struct virtdev_disk *disk,
			       struct virtdev_disk_identity *out, struct vsu_error *err)
{
	const struct virtdev_priv_file *file = disk->file;

	if (disk->hand_over)
		return disk->hand_over->identify(disk, out, err);
	if (!file)
		return vsu_error_set(err, -EOPNOTSUPP, "a disk over %s is not a file",
				     disk->ops.name);
	return virtdev_priv_identify(file->fd, virtdev_priv_disk_capacity(disk), file->path,
				     out, err);
}
