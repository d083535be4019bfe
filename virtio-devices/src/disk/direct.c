/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Direct I/O: requests with the required alignment use a second descriptor with
 * O_DIRECT. Other requests, and those that the file system rejects nevertheless, use the
 * page cache; the kernel keeps it coherent with direct I/O.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "disk/file.h"

/* Sufficient for every Linux file system with direct I/O. */
#define FILE_ALIGNMENT 4096u

static int check_same(int fd, int other, const char *path,
		      struct vsu_error *err)
{
	struct stat a, b;

	if (fstat(fd, &a) < 0 || fstat(other, &b) < 0)
		return vsu_error_sys(err, -errno, "cannot inspect '%s'", path);
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return vsu_error_set(err, -EBUSY,
				     "'%s' was replaced by another file while it was opened; try again",
				     path);
	return 0;
}

int virtdev_priv_file_open_direct(struct virtdev_priv_file *file,
				  const struct virtdev_disk_file *how,
				  struct vsu_error *err)
{
	int flags = (how->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
		    O_NONBLOCK | O_NOCTTY | O_DIRECT;

	char again[32];

	snprintf(again, sizeof(again), "/proc/self/fd/%d", file->fd);
	do {
		file->direct = open(how->has_fd ? again : how->path, flags);
	} while (file->direct < 0 && errno == EINTR);
	if (file->direct < 0 && errno == EINVAL)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the file system of '%s' does not support O_DIRECT; use the page cache",
				     how->path);
	if (file->direct < 0)
		return vsu_error_sys(err, -errno, "cannot open '%s'%s", how->path,
				     how->has_fd ? " again with O_DIRECT" : "");
	file->direct_mask = vsu_fd_kind(file->fd) == VSU_FD_BLOCK ?
			    file->info.block_size - 1 : FILE_ALIGNMENT - 1;
	return check_same(file->fd, file->direct, how->path, err);
}

static bool pieces_aligned(const struct iovec *iov, uint32_t n, uint64_t mask)
{
	uint64_t bits = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		bits |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
	return !(bits & mask);
}

bool virtdev_priv_file_is_direct(const struct virtdev_priv_file *file,
				 const struct virtdev_disk_request *r,
				 const struct virtdev_priv_step *step)
{
	const uint64_t mask = file->direct_mask;

	if (file->direct < 0 || ((step->pos | step->len) & mask))
		return false;
	switch ((enum virtdev_priv_step_kind)step->kind) {
	case VIRTDEV_PRIV_STEP_READV:
	case VIRTDEV_PRIV_STEP_WRITEV:
		return step->niov == 1 ?
		       !((uintptr_t)r->iov->iov_base & mask) :
		       pieces_aligned(r->iov, step->niov, mask);
	case VIRTDEV_PRIV_STEP_WRITE:
		return true;
	case VIRTDEV_PRIV_STEP_FDATASYNC:
	case VIRTDEV_PRIV_STEP_FALLOCATE:
		break;
	}
	return false;
}
