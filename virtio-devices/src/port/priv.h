/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Internal interface of console ports, and helpers for descriptors. */
#ifndef VIRTIO_DEVICES_PORT_PRIV_H
#define VIRTIO_DEVICES_PORT_PRIV_H

#include <virtio-devices/port.h>

struct virtdev_port {
	struct virtdev_port_ops ops;
	void *self;
	bool owned;		/* by a console, which frees it */
};

/*
 * One non-blocking transfer. Returns bytes, -EAGAIN, or -ENOTCONN at the end or
 * after an error of the descriptor.
 */
ssize_t virtdev_priv_port_read(int fd, bool is_socket, const struct iovec *iov,
			       int n);
ssize_t virtdev_priv_port_write(int fd, bool is_socket,
				const struct iovec *iov, int n);

/*
 * Adds a descriptor, edge-triggered. Descriptors that epoll rejects (regular
 * files) are always ready and need no event.
 */
int virtdev_priv_port_watch(int epfd, int fd, unsigned int events);

/* The peer has disconnected and all its data was read. */
bool virtdev_priv_port_is_gone(int fd);

#endif
