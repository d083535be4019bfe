/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ports from within, and what those on descriptors share. */
#ifndef VIRTIO_DEVICES_PORT_PRIV_H
#define VIRTIO_DEVICES_PORT_PRIV_H

#include <virtio-devices/port.h>

struct virtdev_port {
	struct virtdev_port_ops ops;
	void *self;
};

/*
 * One transfer that does not wait. Bytes, -EAGAIN, or -ENOTCONN when the
 * descriptor has ended or failed.
 */
ssize_t virtdev_priv_port_read(int fd, bool is_socket, const struct iovec *iov,
			       int n);
ssize_t virtdev_priv_port_write(int fd, bool is_socket,
				const struct iovec *iov, int n);

/*
 * Adds a descriptor, edge-triggered; one that epoll does not take is always
 * ready, and needs no adding.
 */
int virtdev_priv_port_watch(int epfd, int fd, unsigned int events);

/* The other end is gone, and of what it sent nothing is left. */
bool virtdev_priv_port_is_gone(int fd);

#endif
