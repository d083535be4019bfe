/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A console port on one or two descriptors of the caller. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vmm-sys-util/fd.h>

#include "port/priv.h"

struct side {
	int fd;			/* -1: at its end */
	bool is_socket;
};

struct fds {
	struct side in, out;	/* own their descriptor, which may be one */
};

static void close_side(struct side *side, const struct side *other)
{
	if (side->fd == other->fd)
		side->fd = -1;
	else
		vsu_fd_close(&side->fd);
}

static int fds_attach(void *self, int in_epfd, int out_epfd)
{
	const struct fds *f = self;
	int rc = 0;

	if (f->in.fd >= 0)
		rc = virtdev_priv_port_watch(in_epfd, f->in.fd,
					     EPOLLIN | EPOLLRDHUP);
	if (!rc && f->out.fd >= 0)
		rc = virtdev_priv_port_watch(out_epfd, f->out.fd, EPOLLOUT);
	return rc;
}

/* After POLLRDHUP the peer may still receive; after POLLHUP it does not. */
static bool fds_is_open(void *self)
{
	struct fds *f = self;

	if (f->in.fd >= 0 && virtdev_priv_port_is_gone(f->in.fd))
		close_side(&f->in, &f->out);
	if (f->in.fd < 0 && f->out.fd >= 0 &&
	    virtdev_priv_port_is_gone(f->out.fd))
		vsu_fd_close(&f->out.fd);
	return f->in.fd >= 0 || f->out.fd >= 0;
}

static ssize_t fds_read(void *self, const struct iovec *iov, int n)
{
	struct fds *f = self;
	ssize_t rc;

	if (f->in.fd < 0)
		return -ENOTCONN;
	rc = virtdev_priv_port_read(f->in.fd, f->in.is_socket, iov, n);
	if (rc == -ENOTCONN)
		close_side(&f->in, &f->out);
	return rc;
}

static ssize_t fds_write(void *self, const struct iovec *iov, int n)
{
	struct fds *f = self;
	ssize_t rc;

	if (f->out.fd < 0)
		return -ENOTCONN;
	rc = virtdev_priv_port_write(f->out.fd, f->out.is_socket, iov, n);
	if (rc == -ENOTCONN)
		close_side(&f->out, &f->in);
	return rc;
}

static void fds_free(void *self)
{
	struct fds *f = self;

	close_side(&f->in, &f->out);
	vsu_fd_close(&f->out.fd);
	free(f);
}

static int side_init(struct side *side, int fd)
{
	if (fd < 0)
		return 0;
	side->fd = vsu_fd_dup(fd);
	if (side->fd < 0)
		return side->fd;
	side->is_socket = vsu_fd_kind(side->fd) == VSU_FD_SOCKET;
	return side->is_socket ? 0 : vsu_fd_set_nonblock(side->fd);
}

int virtdev_port_fds_new(int in_fd, int out_fd, struct virtdev_port **out,
			 struct vsu_error *err)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "fd", .attach = fds_attach,
		.is_open = fds_is_open, .read = fds_read, .write = fds_write,
		.free = fds_free,
	};
	struct fds *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return vsu_error_sys(err, -ENOMEM, "port");
	f->in.fd = f->out.fd = -1;
	rc = side_init(&f->in, in_fd);
	if (!rc && in_fd >= 0 && in_fd == out_fd)
		f->out = f->in;
	else if (!rc)
		rc = side_init(&f->out, out_fd);
	if (!rc)
		rc = virtdev_port_new(&ops, f, out);
	if (rc < 0) {
		fds_free(f);
		return vsu_error_sys(err, rc, "port on descriptors %d and %d",
				     in_fd, out_fd);
	}
	return 0;
}
