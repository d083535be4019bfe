/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Images that grow while they are served. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "disk/file.h"

static int grow_file(const struct virtdev_priv_file *file, uint64_t bytes,
		     uint64_t have, struct vsu_error *err)
{
	if (vsu_fd_kind(file->fd) != VSU_FD_REGULAR)
		return vsu_error_set(err, -ENOSPC,
				     "the block device behind the disk has %" PRIu64 " bytes, not %" PRIu64 "; make it larger first",
				     have, bytes);
	if (file->info.read_only)
		return vsu_error_set(err, -EROFS,
				     "the image has %" PRIu64 " bytes and is served read-only; make it larger first",
				     have);
	if (bytes > INT64_MAX)
		return vsu_error_set(err, -EFBIG, "a file cannot have %" PRIu64 " bytes",
				     bytes);
	if (ftruncate(file->fd, (off_t)bytes) < 0)
		return vsu_error_sys(err, -errno, "the image cannot grow to %" PRIu64 " bytes",
				     bytes);
	return 0;
}

int virtdev_priv_file_resize(const struct virtdev_priv_file *file,
			     uint64_t bytes, uint64_t *capacity,
			     struct vsu_error *err)
{
	uint64_t have;
	int rc = vsu_fd_size(file->fd, &have);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot determine the image's size");
	if (bytes > have)
		rc = grow_file(file, bytes, have, err);
	if (rc < 0)
		return rc;
	*capacity = bytes ? bytes : have;
	return 0;
}
