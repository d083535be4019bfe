/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Turns the edges of a port into descriptors that stay readable. */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "port/priv.h"

#define EVENTS 4	/* per call; a port has two descriptors */

static int make_descriptors(struct virtdev_port_client *c)
{
	struct epoll_event event = { .events = EPOLLIN };

	c->in_epfd = epoll_create1(EPOLL_CLOEXEC);
	c->out_fd = epoll_create1(EPOLL_CLOEXEC);
	c->in_fd = epoll_create1(EPOLL_CLOEXEC);
	c->more = vsu_event_new();
	if (c->in_epfd < 0 || c->out_fd < 0 || c->in_fd < 0 || c->more < 0 ||
	    epoll_ctl(c->in_fd, EPOLL_CTL_ADD, c->in_epfd, &event) < 0 ||
	    epoll_ctl(c->in_fd, EPOLL_CTL_ADD, c->more, &event) < 0)
		return -errno;
	return virtdev_priv_port_attach(c->port, c->in_epfd, c->out_fd);
}

int virtdev_port_client_open(struct virtdev_port_client *c, struct virtdev_port *port,
			     struct vsu_error *err)
{
	int rc;

	*c = (struct virtdev_port_client){ port, -1, -1, -1, -1 };
	rc = make_descriptors(c);
	if (rc < 0) {
		c->port = NULL;	/* remains the caller's */
		virtdev_port_client_close(c);
		return vsu_error_sys(err, rc, "the end of a serial port");
	}
	return 0;
}

void virtdev_port_client_close(struct virtdev_port_client *c)
{
	virtdev_port_free(c->port);
	vsu_fd_close(&c->in_fd);
	vsu_fd_close(&c->more);
	vsu_fd_close(&c->in_epfd);
	vsu_fd_close(&c->out_fd);
	c->port = NULL;
}

/* A call releases a client that has left, or accepts the one that waits behind it. */
static bool client_is_there(struct virtdev_port_client *c)
{
	return virtdev_priv_port_is_open(c->port) || virtdev_priv_port_is_open(c->port);
}

/* Called before the transfer: what happens afterwards is a new edge. */
static void edges_drain(int epfd)
{
	struct epoll_event events[EVENTS];

	(void)!epoll_wait(epfd, events, EVENTS, 0);
}

bool virtdev_port_client_accept(struct virtdev_port_client *c)
{
	edges_drain(c->out_fd);
	return client_is_there(c);
}

size_t virtdev_port_client_read(struct virtdev_port_client *c, unsigned char *to, size_t len)
{
	const struct iovec iov = { to, len };
	uint64_t count;
	ssize_t n;

	vsu_event_drain(c->more, &count);
	edges_drain(c->in_epfd);
	if (!client_is_there(c))
		return 0;
	n = virtdev_priv_port_take(c->port, &iov, 1);
	if (n <= 0)
		return 0;
	vsu_event_signal(c->more);
	return (size_t)n;
}

ssize_t virtdev_port_client_write(struct virtdev_port_client *c, const void *from, size_t len)
{
	const struct iovec iov = { (void *)(uintptr_t)from, len };
	ssize_t n;

	edges_drain(c->out_fd);
	if (!client_is_there(c))
		return -ENOTCONN;
	n = virtdev_priv_port_give(c->port, &iov, 1);
	return n ? n : -EAGAIN;
}
