/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The server, as its own files see it. */
#ifndef VHOST_USER_PRIV_SERVER_H
#define VHOST_USER_PRIV_SERVER_H

#include "backend/priv.h"
#include <vhost/server.h>

/* Subjects of the server's epoll besides the numbers of places. */
#define VHOST_USER_PRIV_LISTENER UINT32_MAX
#define VHOST_USER_PRIV_TIMER (UINT32_MAX - 1)

struct vhost_user_priv_place {
	struct vhost_user_server *server;
	struct vhost_user_backend *session;	/* NULL: free */
	uint64_t since;		/* when it was taken */
};

struct vhost_user_server {
	struct vhost_user_server_config config;
	struct vhost_user_server_ops ops;
	void *opaque;
	int epfd, timer;
	int listener;		/* -1: serves one connection */
	bool listening;		/* the listener is in epfd */
	bool stopping;
	int ended;		/* negative: there is nothing to serve any more */
	uint32_t n;		/* places that are taken */
	struct vhost_user_priv_place places[];
};

/* Puts a descriptor into the server's epoll; what: a place, or see above. */
int vhost_user_priv_server_add(struct vhost_user_server *s, int fd, uint32_t what);
/* There is a free place. sock stays the caller's when this fails. */
int vhost_user_priv_begin_take_fd(struct vhost_user_server *s, int sock,
				  struct vsu_error *err);

#endif
