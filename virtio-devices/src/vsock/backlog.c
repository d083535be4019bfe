/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Buffers bytes for the host's socket. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "vsock/backlog.h"

int virtdev_priv_vsock_backlog_add(struct vsock_backlog *b,
				   struct vq_cursor *from, uint32_t len)
{
	uint32_t at, part;

	if (!b->bytes && len)
		b->bytes = malloc(b->size);
	if (!b->bytes && len)
		return -ENOMEM;
	while (len) {
		at = (b->head + b->len) % b->size;
		part = len < b->size - at ? len : b->size - at;
		part = vq_cursor_read(from, b->bytes + at, part);
		if (!part)
			return -EFAULT;
		b->len += part;
		len -= part;
	}
	return 0;
}

ssize_t virtdev_priv_vsock_send(int fd, struct iovec *iov, int n)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	ssize_t rc;

	do
		rc = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

int virtdev_priv_vsock_backlog_iov(const struct vsock_backlog *b, uint32_t len,
				   struct iovec iov[2])
{
	const uint32_t end = b->size - b->head;
	const uint32_t first = len < end ? len : end;

	if (!len)
		return 0;
	iov[0] = (struct iovec){ b->bytes + b->head, first };
	iov[1] = (struct iovec){ b->bytes, len - first };
	return len > first ? 2 : 1;
}

void virtdev_priv_vsock_backlog_skip(struct vsock_backlog *b, uint32_t len)
{
	b->head = (b->head + len) % b->size;
	b->len -= len;
}

ssize_t virtdev_priv_vsock_backlog_send(struct vsock_backlog *b, int fd)
{
	struct iovec iov[2];
	const int n = virtdev_priv_vsock_backlog_iov(b, b->len, iov);
	ssize_t rc = virtdev_priv_vsock_send(fd, iov, n);

	if (rc > 0)
		virtdev_priv_vsock_backlog_skip(b, (uint32_t)rc);
	return rc;
}

void virtdev_priv_vsock_backlog_drop(struct vsock_backlog *b)
{
	free(b->bytes);
	b->bytes = NULL;
	b->head = b->len = 0;
}
