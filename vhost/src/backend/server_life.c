/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creation and destruction of a server. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "backend/server_priv.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sized.h>

#define IDLE_NS UINT64_C(10000000000)
#define MAX_SESSIONS (1u << 20)

/* 1, 0 or a negative errno. */
static int is_listener(int fd)
{
	socklen_t len = sizeof(int);
	int yes = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) < 0)
		return -errno;
	return yes;
}

static int init_listener(struct vhost_user_server *s, int fd,
			 struct vsu_error *err)
{
	int rc;

	s->listener = rc = vsu_fd_dup(fd);
	if (rc >= 0)
		rc = vsu_fd_set_nonblock(s->listener);
	if (rc >= 0)
		rc = vhost_user_priv_server_add(s, s->listener,
					   VHOST_USER_PRIV_LISTENER);
	if (rc < 0)
		return vsu_error_sys(err, rc, "vhost-user listener");
	s->listening = true;
	return 0;
}

static int init_connected(struct vhost_user_server *s, int fd,
			  struct vsu_error *err)
{
	int rc, sock = vsu_fd_dup(fd);

	if (sock < 0)
		return vsu_error_sys(err, sock, "vhost-user socket");
	rc = vhost_user_priv_begin_take_fd(s, sock, err);
	if (rc < 0)
		vsu_foreign_close(s->config.closer, &sock);
	return rc;
}

/* Everything except the listener or connection. */
static int new_server(const struct vhost_user_server_config *config,
		      const struct vhost_user_server_ops *ops, void *opaque,
		      struct vhost_user_server **out)
{
	struct vhost_user_server *s;
	uint32_t i;
	int rc;

	s = calloc(1, sizeof(*s) + config->max_sessions * sizeof(s->places[0]));
	if (!s)
		return -ENOMEM;
	*out = s;
	s->config = *config;
	s->ops = *ops;
	s->opaque = opaque;
	s->timer = s->listener = -1;
	for (i = 0; i < config->max_sessions; i++)
		s->places[i].server = s;
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0)
		return -errno;
	s->timer = rc = vsu_timer_new();
	return rc < 0 ? rc : vhost_user_priv_server_add(s, s->timer,
						   VHOST_USER_PRIV_TIMER);
}

static int check_config(const struct vhost_user_server_config *config,
			const struct vhost_user_server_ops *ops,
			struct vsu_error *err)
{
	if (!ops->begin)
		return vsu_error_set(err, -EINVAL,
				     "a vhost-user server needs the operation begin");
	if (config->max_sessions > MAX_SESSIONS)
		return vsu_error_set(err, -EINVAL,
				     "a vhost-user server with %u sessions, the limit is %u",
				     config->max_sessions, MAX_SESSIONS);
	return 0;
}

int vhost_user_server_new(int fd,
		const struct vhost_user_server_config *config,
		const struct vhost_user_server_ops *ops, void *opaque,
		struct vhost_user_server **out, struct vsu_error *err)
{
	struct vhost_user_server_config c;
	struct vhost_user_server_ops o;
	struct vhost_user_server *s = NULL;
	int listens = is_listener(fd), rc;

	if (listens < 0)
		return vsu_error_sys(err, listens, "vhost-user socket %d", fd);
	rc = vsu_copy_sized(&c, sizeof(c), config,
			    "struct vhost_user_server_config", err);
	if (rc == 0)
		rc = vsu_copy_sized(&o, sizeof(o), ops,
				    "struct vhost_user_server_ops", err);
	if (rc == 0)
		rc = check_config(&c, &o, err);
	if (rc < 0)
		return rc;
	c.max_sessions = c.max_sessions && listens ? c.max_sessions : 1;
	c.idle_ns = c.idle_ns ? c.idle_ns : IDLE_NS;
	rc = new_server(&c, &o, opaque, &s);
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot make a vhost-user server");
	else
		rc = listens ? init_listener(s, fd, err) :
			       init_connected(s, fd, err);
	if (rc < 0) {
		vhost_user_server_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void vhost_user_server_free(struct vhost_user_server *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < s->config.max_sessions; i++)
		if (s->places[i].session)
			s->places[i].session->server.left = NULL;
	/* also closes connections in the backlog */
	vsu_foreign_close(s->config.closer, &s->listener);
	vsu_fd_close(&s->timer);
	vsu_fd_close(&s->epfd);
	free(s);
}
