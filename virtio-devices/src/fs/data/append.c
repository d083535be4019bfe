/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether writes to an open file append: the mode of its host descriptor. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include "fs/data/data.h"

/* Requires handle->mode, exclusively. */
static int set_mode(struct fs_handle *handle, bool appends)
{
	const int flags = fcntl(handle->fd, F_GETFL);

	if (flags < 0 || fcntl(handle->fd, F_SETFL,
			       appends ? flags | O_APPEND : flags & ~O_APPEND) < 0)
		return -errno;
	handle->appends = appends;
	return 0;
}

/*
 * O_APPEND is a mode of the descriptor, because file systems may ignore RWF_APPEND of
 * pwritev2(): overlayfs of Linux 6.1 then writes at the offset. FUSE passes only the
 * descriptor's mode to its server.
 */
int virtdev_priv_fs_append_begin(struct fs_handle *handle, bool appends)
{
	int rc = 0;

	pthread_rwlock_rdlock(&handle->mode);
	if (handle->appends == appends)
		return 0;
	pthread_rwlock_unlock(&handle->mode);
	pthread_rwlock_wrlock(&handle->mode);
	if (handle->appends != appends)
		rc = set_mode(handle, appends);
	if (rc < 0)
		pthread_rwlock_unlock(&handle->mode);
	return rc;
}

void virtdev_priv_fs_append_end(struct fs_handle *handle)
{
	pthread_rwlock_unlock(&handle->mode);
}
