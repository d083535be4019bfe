/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Kinds of links over descriptors. On success a link owns its descriptors. */
#ifndef VIRTIO_DEVICES_LINK_KINDS_H
#define VIRTIO_DEVICES_LINK_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "link/priv.h"

/* Shared by both kinds with a single descriptor. */
#define VIRTDEV_PRIV_TAP_LOST \
	"the tap interface was removed; the network card's link is down until the interface exists and this program is restarted"

/* Queues of a tap interface, with IFF_VNET_HDR. */
int virtdev_priv_tap_take_fds(const int *fds, uint32_t n, bool multi_queue,
			      struct virtdev_net_link **out,
			      struct vsu_error *err);

/*
 * A stream of length-prefixed frames. fd -1: not connected yet, connects to path.
 * reconnect_ms: 0: never reconnects, path is NULL.
 */
int virtdev_priv_stream_take_fd(int fd, const char *path, uint32_t reconnect_ms,
				struct virtdev_net_link **out);

/* Each transfer is one frame without a header: a socket or a tap interface. */
int virtdev_priv_packets_take_fd(int fd, bool is_socket,
				 struct virtdev_net_link **out);

#endif
