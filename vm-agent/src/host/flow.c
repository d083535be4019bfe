/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The end of one direction of a stream. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>

#include "host/flow.h"

/* A pipe that poll() reports as writable has room for PIPE_BUF bytes. */
void vagent_priv_flow_set_end(struct vagent_priv_flow_end *end, int fd)
{
	const int kind = fd < 0 ? VSU_FD_OTHER : vsu_fd_kind(fd);

	*end = (struct vagent_priv_flow_end){
		.fd = fd, .is_socket = kind == VSU_FD_SOCKET, .is_terminal = kind == VSU_FD_CHAR && isatty(fd),
		.write_max = kind == VSU_FD_FIFO || kind == VSU_FD_CHAR ? PIPE_BUF : VAGENT_FLOW_BYTES,
	};
}

static bool is_ready(const struct vagent_priv_flow_end *end, short events)
{
	struct pollfd p = { end->fd, events, 0 };

	return poll(&p, 1, 0) > 0;
}

ssize_t vagent_priv_flow_read(const struct vagent_priv_flow_end *end, void *bytes, size_t len)
{
	ssize_t n;

	if (end->fd < 0)
		return 0;
	if (end->is_socket)
		n = recv(end->fd, bytes, len, MSG_DONTWAIT);
	else if (!is_ready(end, POLLIN))
		return -EAGAIN;
	else if (end->is_terminal)
		return vsu_terminal_read(end->fd, bytes, len);
	else
		n = read(end->fd, bytes, len);
	return n < 0 ? -errno : n;
}

ssize_t vagent_priv_flow_write(const struct vagent_priv_flow_end *end, const void *bytes, size_t len)
{
	ssize_t n;

	if (end->fd < 0)
		return (ssize_t)len;
	if (end->is_socket)
		n = send(end->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (is_ready(end, POLLOUT))
		n = write(end->fd, bytes, len < end->write_max ? len : end->write_max);
	else
		return -EAGAIN;
	return n < 0 ? -errno : n;
}

bool vagent_priv_flow_is_later(ssize_t n)
{
	return n == -EAGAIN || n == -EINTR;
}
