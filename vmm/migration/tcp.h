/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* TCP sockets of a migration. */
#ifndef VMM_MIGRATION_TCP_H
#define VMM_MIGRATION_TCP_H

#include <netdb.h>
#include <stdbool.h>

#include "migration/stream.h"

/*
 * Splits HOST:PORT or [HOST]:PORT. Both point into the text, which is changed.
 * -EINVAL: it has no port.
 */
int vmm_tcp_split(char *text, char **host, char **port);

/*
 * Makes the connection of s; blocks as the stream does, for a name's lookup at most 10
 * seconds. -ENETUNREACH: s->no_network; -ENOENT: the name is unknown.
 */
int vmm_tcp_connect(const char *address, struct vmm_stream *s,
		    struct vsu_error *err);

/* Returns a listening socket, owned by the caller. */
int vmm_tcp_listen(const char *address, int backlog, struct vsu_error *err);

/*
 * TCP addresses of a host and a port; host "" is this host, or any of its interfaces if
 * passive. *out is for freeaddrinfo(). A number is converted without a lookup. A name is
 * looked up on a thread of its own, because getaddrinfo() cannot be interrupted: the wait
 * ends with cancel_fd of s, with its deadline or after 10 seconds, and the thread ends
 * alone. -ENOENT: the name is unknown.
 */
int vmm_lookup_tcp(const char *host, const char *port, bool passive, const struct vmm_stream *s,
		   struct addrinfo **out, struct vsu_error *err);

#endif
