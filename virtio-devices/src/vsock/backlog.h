/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Bytes of the guest that the host's socket did not take yet: a ring of a fixed
 * size, whose memory is there from the first byte that had to wait.
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

/* Appends len bytes of a chain, for which there is room; -ENOMEM. */
int virtdev_priv_vsock_backlog_add(struct vsock_backlog *b,
				   struct vq_cursor *from, uint32_t len)
	VSU_NODISCARD;

/* How many bytes the socket took now, or a negative errno. */
ssize_t virtdev_priv_vsock_backlog_send(struct vsock_backlog *b, int fd)
	VSU_NODISCARD;

/* The first len bytes as pieces: how many, 0 to 2. */
int virtdev_priv_vsock_backlog_iov(const struct vsock_backlog *b, uint32_t len,
				   struct iovec iov[2]);
/* They are gone. */
void virtdev_priv_vsock_backlog_skip(struct vsock_backlog *b, uint32_t len);

/* Forgets what is in it, and its memory. */
void virtdev_priv_vsock_backlog_drop(struct vsock_backlog *b);

/* Pieces to a stream socket: how many bytes went, or a negative errno. */
ssize_t virtdev_priv_vsock_send(int fd, struct iovec *iov, int n)
	VSU_NODISCARD;

#endif
