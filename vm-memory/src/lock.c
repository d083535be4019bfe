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
 *                the end of any file, where no other convention has locks. From
 *                RANGE_BASE on, where that sum is no file position, page n is
 *                locked at n + PAGES_BASE.
 *   image locks  QEMU's convention for disks, which our disks follow: a
 *                writer holds byte 101, a process that excludes other
 *                writers holds byte 201, and each disk holds byte 100,
 *                which memory does not. Memory that is stored to holds 101,
 *                and other memory of the file, which must not change, 201.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "priv.h"

#define RANGE_BASE (INT64_C(1) << 62)
#define PAGES_BASE (INT64_C(3) << 60)
#define IMAGE_USES_READ 100
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

/* Locks the bytes from..to of the file, some of which may be below RANGE_BASE and some above. */
static int lock_file_range(int fd, short type, uint64_t from, uint64_t to)
{
	const uint64_t base = RANGE_BASE, page = vmem_priv_host_page();
	const uint64_t low = to < base ? to : base, high = from > base ? from : base;
	uint64_t first;
	int rc = 0;

	if (from < low)
		rc = take_lock(fd, type, RANGE_BASE + (int64_t)from,
			       (int64_t)(low - from));
	if (rc < 0 || high >= to)
		return rc;
	first = (high - base) / page;
	return take_lock(fd, type, PAGES_BASE + (int64_t)first,
			 (int64_t)((to - base + page - 1) / page - first));
}

/* 1: another open file description has locked the byte; 0: none has; or a negative errno. */
static int is_held(int fd, int64_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = byte, .l_len = 1 };
	int rc = lock_range(fd, F_OFD_GETLK, &lock);

	return rc < 0 ? rc : lock.l_type != F_UNLCK;
}

/* -EBUSY: another program uses the file as a disk, and one of the two users writes. */
static int exclude_disks(int fd, bool stores)
{
	const int64_t own = stores ? IMAGE_USES_WRITE : IMAGE_FORBIDS_WRITE;
	int rc = take_lock(fd, F_RDLCK, own, 1);

	if (!rc)
		rc = is_held(fd, stores ? IMAGE_FORBIDS_WRITE : IMAGE_USES_WRITE);
	if (rc > 0)
		rc = is_held(fd, IMAGE_USES_READ);
	if (rc != 0)
		(void)!take_lock(fd, F_UNLCK, own, 1);
	return rc > 0 ? -EBUSY : rc;
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
	int rc;

	if (block->fd < 0)
		return 0;
	rc = lock_file_range(block->fd, stores ? F_WRLCK : F_RDLCK, first,
			     first + block->len);
	if (rc < 0)
		return refuse_lock(block, rc, stores, err);
	rc = exclude_disks(block->fd, stores);
	if (rc == -EBUSY)
		return vsu_error_set(err, rc, stores ?
				     "the file is in use as a disk by another program; choose another file" :
				     "another program writes to the file as a disk; choose another file, or end that program first");
	return rc < 0 ? refuse_lock(block, rc, stores, err) : 0;
}
