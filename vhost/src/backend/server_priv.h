/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The server: declarations that its files share. */
#ifndef VHOST_USER_PRIV_SERVER_H
#define VHOST_USER_PRIV_SERVER_H

#include "backend/priv.h"
#include <vhost/server.h>

/* Values of epoll data in addition to slot indexes. */
#define VHOST_USER_PRIV_LISTENER UINT32_MAX
#define VHOST_USER_PRIV_TIMER (UINT32_MAX - 1)

struct vhost_user_priv_place {
	struct vhost_user_server *server;
	struct vhost_user_backend *session;	/* NULL: free */
	uint64_t since;		/* creation time */
};

struct vhost_user_server {
	struct vhost_user_server_config config;
	struct vhost_user_server_ops ops;
	void *opaque;
	int epfd, timer;
	int listener;		/* -1: serves one connection */
	bool listening;		/* the listener is in epfd */
	bool stopping;
	int ended;		/* negative: the listener or the only connection has ended */
	uint32_t n;		/* occupied slots */
	struct vhost_user_priv_place places[];
};

/* Adds a descriptor to the server's epoll; what: a slot index, or see above. */
int vhost_user_priv_server_add(struct vhost_user_server *s, int fd, uint32_t what);
/* Starts a session; a slot must be free. On failure sock stays the caller's. */
int vhost_user_priv_begin_take_fd(struct vhost_user_server *s, int sock,
				  struct vsu_error *err);

/* The number of sessions for which gone was not called yet; for tests. */
uint32_t vhost_user_priv_server_count(const struct vhost_user_server *s);

#endif
