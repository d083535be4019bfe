/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A console port (virtio-devices/port.h) as the end of a serial port: a terminal or a socket,
 * whose client comes and goes.
 *
 * Both descriptors are level-triggered. No call blocks.
 *
 * Threads: one at a time.
 */
#ifndef VMM_SERIAL_CLIENT_H
#define VMM_SERIAL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <virtio-devices/port.h>
#include <vmm-sys-util/error.h>

struct vmm_serial_client {
	struct virtdev_port *port;
	int in_epfd, out_epfd;	/* of the port, edge-triggered */
	int more;		/* an event: read again */
	int in_fd;		/* readable: in_epfd or more is */
};

/* Owns the port after success. */
int vmm_serial_client_open(struct vmm_serial_client *client, struct virtdev_port *port,
			   struct vsu_error *err);
void vmm_serial_client_close(struct vmm_serial_client *client);

/* Whether a client is connected, or waits and is accepted. If so, write to it until -EAGAIN. */
bool vmm_serial_client_accept(struct vmm_serial_client *client);

/* Call it while in_fd is readable. 0: nothing to read now. */
size_t vmm_serial_client_read(struct vmm_serial_client *client, unsigned char *to, size_t len);

/* Returns -EAGAIN (out_epfd becomes readable), or -ENOTCONN without a client. */
ssize_t vmm_serial_client_write(struct vmm_serial_client *client, const void *from, size_t len);

#endif
