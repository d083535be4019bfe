/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * TCP sockets that are made without waiting for longer than the caller wants, and the addresses of
 * their hosts. A name is looked up on a thread of its own, because getaddrinfo() cannot be
 * interrupted: the wait for it can end earlier, and the thread then ends alone.
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_TCP_H
#define VMM_SYS_UTIL_TCP_H

#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vsu_threads;

/* How long a call may wait. */
struct vsu_tcp_wait {
	int cancel_fd;		/* readable: the call ends with -ECANCELED; -1: none */
	uint64_t deadline_ns;	/* in the time of vsu_now_ns(): -ETIMEDOUT; 0: none */
	const struct vsu_threads *threads; /* the hook of the thread; or NULL */
};

/*
 * Splits HOST:PORT or [HOST]:PORT. Both point into the text, which is changed.
 * -EINVAL: it has no port.
 */
VSU_API int vsu_tcp_split(char *text, char **host, char **port) VSU_NODISCARD;

/*
 * Returns a non-blocking socket with keep-alive, connected to one of the addresses of HOST:PORT. The
 * lookup of a name ends after at most 10 seconds. -ENOENT: the name is unknown; errors of connect().
 */
VSU_API int vsu_tcp_connect(const char *address, const struct vsu_tcp_wait *wait,
			    struct vsu_error *err) VSU_NODISCARD;

/* Returns a listening socket at HOST:PORT, or at all interfaces without a host. */
VSU_API int vsu_tcp_listen(const char *address, int backlog, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
