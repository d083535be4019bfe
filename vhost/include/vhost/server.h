/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serving vhost-user front-ends: whoever connects to a listening socket, or the
 * peer of one connected socket, has a session (backend.h) that the owner makes
 * and the server dispatches.
 *
 * Places are limited. When all are taken, the next front-end waits in the
 * listener's backlog until a session ends. A front-end that has a place and
 * negotiates nothing with it (none of SET_OWNER, SET_PROTOCOL_FEATURES and
 * SET_FEATURES; it may have asked for this and that) does not keep others out:
 * after idle_ns it gives way, as soon as there is somebody who waits, and its
 * session ends with -ETIMEDOUT and a sentence. One that negotiated may stay as
 * long as it likes: a guest takes its time to boot.
 *
 * Waiting: vhost_user_server_fd() is an epoll descriptor that never changes and
 * covers the listener and all sessions; when it is readable, call
 * vhost_user_server_dispatch(). Kick descriptors of rings are not in it: they
 * are for the threads that serve the rings.
 *
 * Threads: a server and all its sessions are confined to one thread, the one
 * that dispatches. Rings may be served by any (backend.h), and change from one
 * to another as their owner likes between run and the answer to quiesce.
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

/* All are called on the server's thread, and must not free the server. */
struct vhost_user_server_ops {
	size_t size;		/* sizeof(struct vhost_user_server_ops) */

	/*
	 * A front-end connected: makes its session of sock, as a rule by
	 * vhost_user_backend_new_take_fd(), which takes sock on success. The
	 * session is the owner's, who may close it at any time and frees it
	 * when it is gone; the server only dispatches it. A negative errno: no
	 * session came of it.
	 */
	int (*begin)(void *opaque, int sock, struct vhost_user_backend **session,
		     struct vsu_error *err);

	/* No session came of a connection: what begin said. May be NULL. */
	void (*failed)(void *opaque, const struct vsu_error *err);
};

struct vhost_user_server_config {
	size_t size;		/* sizeof(struct vhost_user_server_config) */
	uint32_t max_sessions;	/* places; 0: 1 */
	uint64_t idle_ns;	/* how long a front-end may negotiate nothing
				   while another one waits; 0: 10 seconds */
	struct vsu_closer *closer; /* closes sockets of front-ends, so that
				   nobody waits for it (foreign.h); or NULL */
};

/*
 * A server on a listening socket, or on a connected one, which are told apart
 * by asking the socket, and duplicated. The session of a connected socket
 * begins within this call.
 *
 *   -ENOTSOCK   fd is no socket (-EBADF: it is not open)
 *   -EINVAL     begin is missing, or a struct has another size
 *   and what begin said, for a connected socket
 */
VHOST_USER_API int vhost_user_server_new(int fd,
		const struct vhost_user_server_config *config,
		const struct vhost_user_server_ops *ops, void *opaque,
		struct vhost_user_server **out, struct vsu_error *err)
	VSU_NODISCARD;

VHOST_USER_API int vhost_user_server_fd(const struct vhost_user_server *s);

/*
 * Handles what is ready, without waiting, with a bounded amount of work. 1:
 * there may be more, and the descriptor stays readable until it is done; 0:
 * wait for the descriptor; negative: it cannot serve any more (-ECONNRESET: the
 * session of its connected socket has ended).
 */
VHOST_USER_API int vhost_user_server_dispatch(struct vhost_user_server *s);

/* Sessions that are not gone. */
VHOST_USER_API uint32_t vhost_user_server_count(
		const struct vhost_user_server *s);

/*
 * Takes nobody any more and closes all sessions; -EAGAIN until all are gone:
 * go on dispatching until it says 0.
 */
VHOST_USER_API int vhost_user_server_stop(struct vhost_user_server *s)
	VSU_NODISCARD;

/* Sessions that are not gone stay; nobody dispatches them then. */
VHOST_USER_API void vhost_user_server_free(struct vhost_user_server *s);

VSU_END_DECLS

#endif
