/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Locks on the part of a file that a block maps, so that two machines do not
 * store to the same bytes by mistake.
 *
 * All locks belong to the open file description (OFD): closing another
 * descriptor of the file does not drop them, and a peer that received the
 * descriptor holds them, too.
 *
 *   the range    byte n of the file is locked at n + RANGE_BASE, far beyond
 *                the end of any file, where no other convention has locks
 *   image locks  QEMU's convention for disks, which our disks follow: a
 *                writer holds byte 101, a process that excludes other
 *                writers holds byte 201
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "priv.h"

#define RANGE_BASE (INT64_C(1) << 62)
#define IMAGE_USES_WRITE 101
#define IMAGE_FORBIDS_WRITE 201

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

static int lock_range(int fd, int cmd, struct flock *lock)
{
	int rc;

	do {
		rc = fcntl(fd, cmd, lock);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static int take_lock(int fd, short type, int64_t start, int64_t len)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET,
			      .l_start = (off_t)start, .l_len = (off_t)len };
	int rc = lock_range(fd, F_OFD_SETLK, &lock);

	return rc == -EACCES || rc == -EAGAIN ? -EBUSY : rc;
}

/* A disk of another program over the same file; -EBUSY when there is one. */
static int exclude_disks(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = IMAGE_FORBIDS_WRITE, .l_len = 1 };
	int rc = take_lock(fd, F_RDLCK, IMAGE_USES_WRITE, 1);

	if (!rc)
		rc = lock_range(fd, F_OFD_GETLK, &lock);
	return rc < 0 ? rc : lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

static int refuse_lock(const struct vmem_block *block, int rc, bool stores,
		       struct vsu_error *err)
{
	const uint64_t first = vmem_block_file_pos(block, 0);

	if (rc != -EBUSY)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the file system has no locks; another machine may use the same bytes of the file");
	return vsu_error_set(err, rc, stores ?
			     "bytes %#" PRIx64 " to %#" PRIx64 " of the file are in use by another machine; choose another file or offset, or share=off" :
			     "another machine stores to bytes %#" PRIx64 " to %#" PRIx64 " of the file; choose another file or offset, or end that machine first",
			     first, first + block->len - 1);
}

int vmem_block_lock(const struct vmem_block *block, struct vsu_error *err)
{
	const uint32_t stored = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED;
	const bool stores = (block->flags & stored) == stored;
	const uint64_t first = vmem_block_file_pos(block, 0);
	int rc = -EOPNOTSUPP;

	if (block->fd < 0)
		return 0;
	if (first + block->len <= (uint64_t)RANGE_BASE)
		rc = take_lock(block->fd, stores ? F_WRLCK : F_RDLCK,
			       RANGE_BASE + (int64_t)first,
			       (int64_t)block->len);
	if (rc < 0)
		return refuse_lock(block, rc, stores, err);
	rc = stores ? exclude_disks(block->fd) : 0;
	if (rc == -EBUSY)
		return vsu_error_set(err, rc,
				     "the file is in use as a disk by another program; choose another file");
	return rc < 0 ? refuse_lock(block, rc, stores, err) : 0;
}
