/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest with a socket device, and connections to it; all on the calling thread. */
#ifndef BENCH_VSOCK_RIG_H
#define BENCH_VSOCK_RIG_H

#include <stdint.h>

#include "guest_rig.h"

#define VSOCK_RIG_CHUNK 65536u		/* maximum bytes of a packet */

/* Operations of packets (VIRTIO 1.3, section 5.10.6). */
enum { VSOCK_REQUEST = 1, VSOCK_RESPONSE, VSOCK_RST, VSOCK_SHUTDOWN, VSOCK_RW, VSOCK_CREDIT_UPDATE };

struct vsock_rig {
	struct guest_rig rig;
	char path[64];
	int fd;			/* the host's end of the current connection */
	uint32_t host_port;	/* likewise, the port */
	uint32_t taken;		/* likewise, bytes that the guest received */
	uint32_t slot;
	uint32_t size;		/* of a packet, or a buffer */
	unsigned int seen;	/* recently received operations, as bits */
};

/* connections: maximum, or 0 for the device's default. */
void vsock_rig_open(struct vsock_rig *c, const char *path, uint32_t size,
		    uint32_t connections);
void vsock_rig_close(struct vsock_rig *c);

/* A packet of the guest on the current connection. */
void vsock_rig_send(struct vsock_rig *c, uint16_t op, uint32_t len);
/* Serves both queues and collects the results. */
void vsock_rig_serve(struct vsock_rig *c);

/* A connection from the host, with greeting: the current one. */
void vsock_rig_connect(struct vsock_rig *c);
void vsock_rig_disconnect(struct vsock_rig *c);

/* The host's end: without waiting. */
void vsock_rig_read(int fd, uint32_t len);
void vsock_rig_write(int fd, uint32_t len);
/* 64 bytes to the guest and back. */
void vsock_rig_round_trip(struct vsock_rig *c);

#endif
