/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Addresses of a host's name. */
#ifndef VMM_MIGRATION_LOOKUP_H
#define VMM_MIGRATION_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

#include "migration/stream.h"

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
