/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opens the sockets of a daemon. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "listen.h"

/* Connections that wait while another one is served. */
#define BACKLOG 8

static int listen_status(int rc)
{
	if (rc == -ENAMETOOLONG || rc == -EINVAL)
		return VSU_EXIT_DATA;
	return rc == -EADDRINUSE || rc == -EBUSY ? VSU_EXIT_BUSY : VSU_EXIT_HOST;
}

int daemon_listen(struct daemon_listener *l, const char *option, const char *path,
		  const struct devkind_socket_access *access, struct confine_plan *plan,
		  struct vsu_error *err)
{
	int left;

	l->fd = vsu_sock_listen(path, BACKLOG, err);
	if (l->fd < 0) {
		vsu_error_prefix(err, l->fd, "--%s", option);
		return listen_status(l->fd);
	}
	l->have_path = vsu_sock_path_of(l->fd, &l->path) == 0;
	left = l->have_path ? confine_leave_socket(plan, &l->path, err) : 0;
	if (left < 0)
		vsu_sock_unlink(&l->path);
	l->have_path &= !left;
	if (left >= 0 && devkind_socket_access_apply(access, path, err) == 0)
		return VSU_EXIT_OK;
	vsu_error_prefix(err, err->code, "--%s", option);
	vsu_fd_close(&l->fd);
	return VSU_EXIT_HOST;
}

int daemon_check_inherited(int fd, struct vsu_error *err)
{
	if (vsu_sock_is_unix_stream(fd) > 0)
		return VSU_EXIT_OK;
	if (vsu_fd_kind(fd) < 0)
		vsu_error_set(err, -EBADF,
			      "--fd: descriptor %d is not open; the program that starts this one must leave it open", fd);
	else
		vsu_error_set(err, -ENOTSOCK,
			      "--fd: descriptor %d is not a UNIX stream socket; pass one", fd);
	return VSU_EXIT_DATA;
}

void daemon_listener_unlink(struct daemon_listener *l)
{
	if (l->have_path)
		vsu_sock_unlink(&l->path);
	l->have_path = false;
}
