/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The listening socket of --control. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "control/listener.h"

#define INHERITED "fd:"

bool vmm_control_is_inherited(const char *where)
{
	return !strncmp(where, INHERITED, strlen(INHERITED));
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return vsu_sock_is_unix_stream(fd) > 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	       listening;
}

static int open_inherited(const char *number, struct vsu_error *err)
{
	uint64_t fd;
	int copy;

	if (vsu_parse_u64(number, &fd) < 0 || fd > INT_MAX)
		return vsu_error_set(err, -EINVAL, "'%s' is not the number of a descriptor",
				     number);
	if (!is_listening((int)fd))
		return vsu_error_set(err, -ENOTSOCK,
				     "descriptor %s is not a listening UNIX stream socket",
				     number);
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl((int)fd, F_SETFL, O_NONBLOCK) < 0)
		return vsu_error_sys(err, -errno, "descriptor %s", number);
	copy = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? vsu_error_sys(err, -errno, "descriptor %s", number) : copy;
}

int vmm_control_listen(const char *where, int backlog, struct vsu_error *err)
{
	return vmm_control_is_inherited(where) ? open_inherited(where + strlen(INHERITED), err) :
			vsu_sock_listen(where, backlog, err);
}
