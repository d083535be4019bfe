/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A console port on a UNIX socket that serves one client at a time. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "port/priv.h"

/* Backlog of waiting clients. */
#define BACKLOG 8

struct server {
	int listener;
	int client;		/* -1: not connected */
	bool in_ended;		/* the client has shut down its sending side */
	int in_epfd, out_epfd;	/* borrowed */
	struct vsu_sock_path path;	/* removed when the port is freed */
	bool have_path;
};

static int server_attach(void *self, int in_epfd, int out_epfd)
{
	struct server *s = self;

	s->in_epfd = in_epfd;
	s->out_epfd = out_epfd;
	return virtdev_priv_port_watch(in_epfd, s->listener, EPOLLIN);
}

/* Close a client that cannot be added to the epoll sets. */
static void client_take(struct server *s)
{
	const int fd = vsu_sock_accept(s->listener);

	if (fd < 0)
		return;
	s->client = fd;
	s->in_ended = false;
	if (virtdev_priv_port_watch(s->in_epfd, fd, EPOLLIN | EPOLLRDHUP) < 0 ||
	    virtdev_priv_port_watch(s->out_epfd, fd, EPOLLOUT) < 0)
		vsu_fd_close(&s->client);
}

static bool server_is_open(void *self)
{
	struct server *s = self;

	if (s->client < 0)
		client_take(s);
	else if (virtdev_priv_port_is_gone(s->client))
		vsu_fd_close(&s->client);
	return s->client >= 0;
}

/* A client that shut down its sending side may still read. */
static ssize_t server_read(void *self, const struct iovec *iov, int n)
{
	struct server *s = self;
	ssize_t rc;

	if (s->client < 0 || s->in_ended)
		return -ENOTCONN;
	rc = virtdev_priv_port_read(s->client, true, iov, n);
	s->in_ended = rc == -ENOTCONN;
	return rc;
}

static ssize_t server_write(void *self, const struct iovec *iov, int n)
{
	struct server *s = self;

	return s->client < 0 ? -ENOTCONN :
	       virtdev_priv_port_write(s->client, true, iov, n);
}

static void server_free(void *self)
{
	struct server *s = self;

	if (s->have_path)
		vsu_sock_unlink(&s->path);
	vsu_fd_close(&s->client);
	vsu_fd_close(&s->listener);
	free(s);
}

int virtdev_port_socket_new(const char *path, struct virtdev_port **out,
			    struct vsu_error *err)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "socket",
		.attach = server_attach, .is_open = server_is_open,
		.read = server_read, .write = server_write,
		.free = server_free,
	};
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return vsu_error_sys(err, -ENOMEM, "port");
	s->client = -1;
	s->listener = rc = vsu_sock_listen(path, BACKLOG, err);
	if (rc >= 0) {
		s->have_path = vsu_sock_path_of(s->listener, &s->path) == 0;
		rc = virtdev_port_new(&ops, s, out);
		if (rc < 0)
			vsu_error_sys(err, rc, "port on socket '%s'", path);
	}
	if (rc < 0) {
		server_free(s);
		return rc;
	}
	return 0;
}
