/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sockets in place of a guest's ports. */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>

#include "host/ports.h"

int vagent_priv_make_ports(int ours[VAGENT_PORTS], int guests[VAGENT_PORTS])
{
	int pair[2], i;

	for (i = 0; i < VAGENT_PORTS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return -errno;
		ours[i] = pair[0];
		guests[i] = pair[1];
	}
	return 0;
}

int vagent_priv_watch(int epfd, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events | EPOLLET };

	if (fd < 0 || !epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e))
		return 0;
	if (errno != EEXIST)
		return errno == EPERM ? 0 : -errno;
	e.events = EPOLLIN | EPOLLOUT | EPOLLET;
	return epoll_ctl(epfd, EPOLL_CTL_MOD, fd, &e) < 0 ? -errno : 0;
}

void vagent_priv_close_watched(int epfd, int *fd)
{
	if (*fd >= 0)
		(void)!epoll_ctl(epfd, EPOLL_CTL_DEL, *fd, NULL);
	vsu_fd_close(fd);
}
