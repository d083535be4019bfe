/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sockets in place of a guest's ports, and descriptors that an epoll watches. */
#ifndef VM_AGENT_HOST_PORTS_H
#define VM_AGENT_HOST_PORTS_H

#include <stdint.h>

#include <vmm-sys-util/attributes.h>

#include "vm-agent/protocol.h"

/* Sets both ends of all ports, which the caller closes, also after a failure. Errors of socketpair(). */
int vagent_priv_make_ports(int ours[VAGENT_PORTS], int guests[VAGENT_PORTS]) VSU_NODISCARD;

/*
 * Watches a descriptor for changes. Regular files are always ready, and refused by epoll. One descriptor may be
 * several streams, such as those of a terminal.
 */
int vagent_priv_watch(int epfd, int fd, uint32_t events) VSU_NODISCARD;
/* Closes a watched descriptor, which becomes -1: a duplicate elsewhere would keep its events. */
void vagent_priv_close_watched(int epfd, int *fd);

#endif
