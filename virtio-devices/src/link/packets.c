/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A descriptor of which each transfer is one frame, without a header. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>

#include "link/kinds.h"
#include "link/pieces.h"

struct packets {
	int fd;
	bool is_socket, is_connection;	/* a connection can end */
};

static int packets_fd(void *self, uint32_t lane)
{
	(void)lane;
	return ((struct packets *)self)->fd;
}

/* The header says that nothing is left to be done. */
static ssize_t packets_receive(void *self, uint32_t lane,
			       const struct iovec *iov, int n)
{
	const struct packets *p = self;
	struct iovec pieces[LINK_PIECES];
	struct msghdr msg = { .msg_iov = pieces };
	int m = virtdev_priv_pieces_behind(iov, n, NET_HEADER, pieces);
	ssize_t len;

	(void)lane;
	if (m < 0)
		return m;
	msg.msg_iovlen = (size_t)m;
	len = p->is_socket ? recvmsg(p->fd, &msg, MSG_DONTWAIT)
			   : readv(p->fd, pieces, m);
	if (len < 0)
		return virtdev_priv_link_code(errno);
	if (!len)
		return p->is_connection ? -EPIPE : -ENOMSG;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (virtdev_priv_pieces_store(iov, n, 0, NULL, NET_HEADER) < 0)
		return -EMSGSIZE;
	return len + NET_HEADER;
}

static int packets_send(void *self, uint32_t lane, const struct iovec *iov,
			int n)
{
	const struct packets *p = self;
	struct iovec pieces[LINK_PIECES];
	struct msghdr msg = { .msg_iov = pieces };
	int m = virtdev_priv_pieces_behind(iov, n, NET_HEADER, pieces);
	ssize_t len;

	(void)lane;
	if (m < 0)
		return m;
	msg.msg_iovlen = (size_t)m;
	len = p->is_socket ? sendmsg(p->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)
			   : writev(p->fd, pieces, m);
	return len < 0 ? virtdev_priv_link_code(errno) : 0;
}

static void packets_free(void *self)
{
	struct packets *p = self;

	vsu_fd_close(&p->fd);
	free(p);
}

static bool is_connection(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

int virtdev_priv_packets_take_fd(int fd, bool is_socket,
				 struct virtdev_net_link **out)
{
	static const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "packets", .fd = packets_fd,
		.receive = packets_receive, .send = packets_send,
		.free = packets_free,
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct packets *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->fd = fd;
	p->is_socket = is_socket;
	p->is_connection = is_connection(fd);
	rc = vsu_fd_set_nonblock(fd);
	if (rc >= 0)
		rc = virtdev_net_link_new(&ops, &info, p, out);
	if (rc < 0)
		free(p);
	return rc;
}
