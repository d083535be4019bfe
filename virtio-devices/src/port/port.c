/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Console ports: the common part, and transfers on descriptors. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <vmm-sys-util/sized.h>

#include "port/priv.h"

int virtdev_port_new(const struct virtdev_port_ops *ops, void *self,
		     struct virtdev_port **out)
{
	struct virtdev_port *port = calloc(1, sizeof(*port));
	int rc;

	if (!port)
		return -ENOMEM;
	rc = vsu_copy_sized(&port->ops, sizeof(port->ops), ops,
			    "struct virtdev_port_ops", NULL);
	if (rc < 0) {
		free(port);
		return rc;
	}
	port->self = self;
	*out = port;
	return 0;
}

void virtdev_port_free(struct virtdev_port *port)
{
	if (!port)
		return;
	if (port->ops.free)
		port->ops.free(port->self);
	free(port);
}

/* An error on a descriptor is permanent and treated as its end. */
static ssize_t answer_of(ssize_t n)
{
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
		      errno == EINTR))
		return -EAGAIN;
	return -ENOTCONN;
}

ssize_t virtdev_priv_port_read(int fd, bool is_socket, const struct iovec *iov,
			       int n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
			      .msg_iovlen = (size_t)n };

	return answer_of(is_socket ? recvmsg(fd, &msg, MSG_DONTWAIT)
				   : readv(fd, iov, n));
}

ssize_t virtdev_priv_port_write(int fd, bool is_socket,
				const struct iovec *iov, int n)
{
	const struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov,
				    .msg_iovlen = (size_t)n };

	return answer_of(is_socket ?
			 sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) :
			 writev(fd, iov, n));
}

int virtdev_priv_port_watch(int epfd, int fd, unsigned int events)
{
	struct epoll_event event = { .events = events | EPOLLET };

	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) < 0)
		return errno == EPERM ? 0 : -errno;
	return 0;
}

/*
 * After a hang-up, poll() reports a socket as readable even if no data is left;
 * other descriptors only if data is left. FIONREAD would distinguish the two,
 * but the daemons' system call filter rejects ioctl().
 */
bool virtdev_priv_port_is_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr peek = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLHUP | POLLERR)))
		return false;
	n = recvmsg(fd, &peek, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == ENOTSOCK)
		return !(p.revents & POLLIN);
	return n <= 0;
}
