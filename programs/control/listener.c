/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The listening socket of --control. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <vmm-sys-util/sock.h>

#include "control/listener.h"

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return vsu_sock_is_unix_stream(fd) > 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	       listening;
}

static int open_inherited(int fd, struct vsu_error *err)
{
	int copy;

	if (!is_listening(fd))
		return vsu_error_set(err, -ENOTSOCK,
				     "descriptor %d is not a listening UNIX stream socket", fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return vsu_error_sys(err, -errno, "descriptor %d", fd);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? vsu_error_sys(err, -errno, "descriptor %d", fd) : copy;
}

int vmm_control_listen(const char *path, int fd, int backlog, struct vsu_error *err)
{
	return path ? vsu_sock_listen(path, backlog, err) : open_inherited(fd, err);
}
