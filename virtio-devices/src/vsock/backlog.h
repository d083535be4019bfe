/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Bytes of the guest that the host's socket has not accepted yet: a ring buffer of
 * fixed size, allocated when the first byte has to wait.
 */
#ifndef VIRTIO_DEVICES_VSOCK_BACKLOG_H
#define VIRTIO_DEVICES_VSOCK_BACKLOG_H

#include <stdint.h>
#include <sys/types.h>

#include <virtio-queue/cursor.h>

struct vsock_backlog {
	unsigned char *bytes;
	uint32_t size, head, len;
};

/* Appends len bytes of a chain; the caller checks for room. -ENOMEM. */
int virtdev_priv_vsock_backlog_add(struct vsock_backlog *b,
				   struct vq_cursor *from, uint32_t len)
	VSU_NODISCARD;

/* Writes to the socket; returns bytes, or a negative errno. */
ssize_t virtdev_priv_vsock_backlog_send(struct vsock_backlog *b, int fd)
	VSU_NODISCARD;

/* Describes the first len bytes by 0 to 2 pieces; returns their number. */
int virtdev_priv_vsock_backlog_iov(const struct vsock_backlog *b, uint32_t len,
				   struct iovec iov[2]);
/* Removes the first len bytes. */
void virtdev_priv_vsock_backlog_skip(struct vsock_backlog *b, uint32_t len);

/* Empties the buffer and frees its memory. */
void virtdev_priv_vsock_backlog_drop(struct vsock_backlog *b);

/* Writes pieces to a stream socket; returns bytes, or a negative errno. */
ssize_t virtdev_priv_vsock_send(int fd, struct iovec *iov, int n)
	VSU_NODISCARD;

#endif
