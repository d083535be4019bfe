/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The lookup of a host, for tests. */
#ifndef VSU_TCP_PRIV_H
#define VSU_TCP_PRIV_H

#include <netdb.h>
#include <stdbool.h>

#include <vmm-sys-util/tcp.h>

/*
 * TCP addresses of a host and a port; host "" is this host, or any of its interfaces if
 * passive. *out is for freeaddrinfo(). A number is converted without a lookup. -ENOENT: the
 * name is unknown.
 */
int vsu_priv_tcp_look_up(const char *host, const char *port, bool passive, const struct vsu_tcp_wait *wait,
			 struct addrinfo **out, struct vsu_error *err);

#endif
