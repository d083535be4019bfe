/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Both sides of a device that a server in this process serves, dispatched in turns. */
#ifndef VIRTIO_DEVICES_TESTS_SIDES_H
#define VIRTIO_DEVICES_TESTS_SIDES_H

#include <poll.h>
#include <stddef.h>

#include <virtio-devices/vhost_user.h>
#include <virtio-devices/vhost_user_server.h>

/*
 * Dispatches both sides until neither has work. A dispatch of the front-end may replace
 * *server, which may be NULL.
 */
static inline void sides_pump(struct virtdev_vhost_user *remote,
			      struct virtdev_vhost_user_server *const *server)
{
	const struct virtdev_vhost_user_server *failed = NULL;
	struct pollfd fds[2] = {
		{ virtdev_vhost_user_fd(remote), POLLIN, 0 }, { -1, POLLIN, 0 },
	};

	while (true) {
		fds[1].fd = *server && *server != failed ? virtdev_vhost_user_server_fd(*server) : -1;
		if (poll(fds, 2, 0) <= 0)
			return;
		if (fds[0].revents && virtdev_vhost_user_dispatch(remote) < 0)
			fds[0].fd = -1;
		if (fds[1].revents && *server && virtdev_vhost_user_server_dispatch(*server) < 0)
			failed = *server;
	}
}

static inline void sides_end_server(struct virtdev_vhost_user_server **server)
{
	while (*server && virtdev_vhost_user_server_stop(*server))
		virtdev_vhost_user_server_dispatch(*server);
	virtdev_vhost_user_server_free(*server);
	*server = NULL;
}

#endif
