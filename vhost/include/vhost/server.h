/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A server for vhost-user front-ends. Each connection to a listening socket, or
 * one connected socket, has a session (backend.h) that the owner creates and
 * the server dispatches.
 *
 * The number of sessions is limited. When the limit is reached, further
 * front-ends wait in the listener's backlog until a session ends. A session is
 * idle until its front-end negotiates (SET_OWNER, SET_PROTOCOL_FEATURES or
 * SET_FEATURES); queries do not count. If another front-end waits, a session
 * that has been idle for idle_ns is ended; its gone reports -ETIMEDOUT. A
 * session that has negotiated has no time-out, for example while its guest boots.
 *
 * Waiting: vhost_user_server_fd() is an epoll descriptor that never changes and
 * includes the listener and all sessions. When it is readable, call
 * vhost_user_server_dispatch(). It does not include kick descriptors of rings:
 * these belong to the threads that serve the rings.
 *
 * Threads: a server and all its sessions are confined to the thread that
 * dispatches. A ring may be served on any thread (backend.h). While the ring
 * runs, the owner may move it to another thread, if only one serves it at a
 * time.
 */
#ifndef VHOST_SERVER_H
#define VHOST_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vhost/backend.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_user_server;

/* Called on the server's thread; must not free the server. */
struct vhost_user_server_ops {
	size_t size;		/* sizeof(struct vhost_user_server_ops) */

	/*
	 * A front-end connected: creates its session on sock, usually by
	 * vhost_user_backend_new_take_fd(). The owner of the server owns the
	 * session: it may close the session at any time, and frees it after
	 * gone. The server only dispatches the session. If begin returns a
	 * negative errno, the server closes sock.
	 */
	int (*begin)(void *opaque, int sock, struct vhost_user_backend **session,
		     struct vsu_error *err);

	/* begin failed with this error. May be NULL. */
	void (*failed)(void *opaque, const struct vsu_error *err);
};

struct vhost_user_server_config {
	size_t size;		/* sizeof(struct vhost_user_server_config) */
	uint32_t max_sessions;	/* limit of concurrent sessions; 0: 1 */
	uint64_t idle_ns;	/* time-out of an idle session while another front-end waits; 0: 10
				   seconds */
	struct vsu_closer *closer; /* closes sockets of front-ends, so that no thread blocks
				      (foreign.h); or NULL */
};

/*
 * Creates a server on a listening or a connected socket, which is duplicated.
 * The session of a connected socket is created by this call.
 *
 *   -ENOTSOCK   fd is not a socket (-EBADF: not open)
 *   -EINVAL     begin is missing, a struct has a wrong size, or max_sessions is
 *               too large
 *   others      the error of begin, for a connected socket
 */
VHOST_USER_API int vhost_user_server_new(int fd,
		const struct vhost_user_server_config *config,
		const struct vhost_user_server_ops *ops, void *opaque,
		struct vhost_user_server **out, struct vsu_error *err)
	VSU_NODISCARD;

VHOST_USER_API int vhost_user_server_fd(const struct vhost_user_server *s);

/*
 * Handles available events; never blocks, does a bounded amount of work. 1:
 * more may be left, and the descriptor stays readable; 0: wait for the
 * descriptor; negative: the server cannot continue. -ECONNRESET: the server has
 * no listener, and the session of its connected socket has ended.
 */
VHOST_USER_API int vhost_user_server_dispatch(struct vhost_user_server *s);

/*
 * Accepts no more connections and closes all sessions. -EAGAIN: continue to
 * dispatch until it returns 0.
 */
VHOST_USER_API int vhost_user_server_stop(struct vhost_user_server *s)
	VSU_NODISCARD;

/* Remaining sessions stay with their owner, but are no longer dispatched. */
VHOST_USER_API void vhost_user_server_free(struct vhost_user_server *s);

VSU_END_DECLS

#endif
