/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Transfers between cursors and file descriptors, by one system call on the pieces. */
#include <config.h>

#include <errno.h>
#include <sys/uio.h>

#include <virtio-queue/cursor.h>

#include "vq.h"

#define MAX_PIECES 64

typedef ssize_t (*transfer_fn)(int fd, const struct iovec *iov, int n,
			       int64_t off);

static ssize_t file_store(int fd, const struct iovec *iov, int n, int64_t off)
{
	return off < 0 ? writev(fd, iov, n) : pwritev(fd, iov, n, off);
}

static ssize_t file_load(int fd, const struct iovec *iov, int n, int64_t off)
{
	return off < 0 ? readv(fd, iov, n) : preadv(fd, iov, n, off);
}

/* Fills iov with the pieces to transfer, without advancing the cursor. */
static ssize_t cursor_transfer(const struct vq_cursor *cursor, struct iovec *iov,
			       int fd, int64_t off, uint32_t len, transfer_fn fn)
{
	struct vq_cursor copy = *cursor;
	uint32_t bytes;
	int n = vq_cursor_iov(&copy, len, iov, MAX_PIECES, &bytes);
	ssize_t rc;

	if (!n)
		return 0;
	do {
		rc = fn(fd, iov, n, off);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

ssize_t vq_cursor_to_fd(struct vq_cursor *cursor, int fd, int64_t off,
			uint32_t len)
{
	struct iovec iov[MAX_PIECES];
	ssize_t rc = cursor_transfer(cursor, iov, fd, off, len, file_store);

	if (rc > 0)
		vq_cursor_skip(cursor, (uint32_t)rc);
	return rc;
}

ssize_t vq_cursor_from_fd(struct vq_cursor *cursor, int fd, int64_t off,
			  uint32_t len)
{
	struct iovec iov[MAX_PIECES], *piece = iov;
	ssize_t rc = cursor_transfer(cursor, iov, fd, off, len, file_load);
	size_t left = rc > 0 ? (size_t)rc : 0, n;

	for (; left; left -= n, piece++) {
		n = piece->iov_len < left ? piece->iov_len : left;
		vq_priv_mark_chain(cursor->q, cursor->chain->head,
				   piece->iov_base, n);
	}
	if (rc > 0)
		vq_cursor_skip(cursor, (uint32_t)rc);
	return rc;
}
