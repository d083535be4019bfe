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

/* The operations, as the public header describes them. */
static inline int virtdev_priv_port_attach(struct virtdev_port *port, int in_epfd, int out_epfd)
{
	return port->ops.attach(port->self, in_epfd, out_epfd);
}

static inline bool virtdev_priv_port_is_open(struct virtdev_port *port)
{
	return port->ops.is_open(port->self);
}

static inline ssize_t virtdev_priv_port_take(struct virtdev_port *port, const struct iovec *iov, int n)
{
	return port->ops.read(port->self, iov, n);
}

static inline ssize_t virtdev_priv_port_give(struct virtdev_port *port, const struct iovec *iov, int n)
{
	return port->ops.write(port->self, iov, n);
}

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
