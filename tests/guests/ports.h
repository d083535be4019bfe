/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Named ports of a console device (VIRTIO 1.3, section 5.3), as byte streams. */
#ifndef GUEST_PORTS_H
#define GUEST_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/boot_protocol.h>

#define PORT_BYTES 4096u	/* of one buffer */

struct port {
	uint32_t id;		/* 0: not found; the console itself has port 0 */
	uint32_t have, at;	/* received bytes, and those of them that were read */
	bool sends;		/* the device has the buffer out */
	uint8_t in[PORT_BYTES], out[PORT_BYTES];
};

/* Finds the ports of these names, and opens them. False: a port is absent. */
bool ports_open(const struct cvmm_boot *boot, const char *const *names, struct port *ports,
		unsigned int n);

/* Copies received bytes; 0: none now. */
uint32_t port_read(struct port *p, void *to, uint32_t len);

/* Passes bytes to the device; 0: it has those of the previous call. */
uint32_t port_write(struct port *p, const void *from, uint32_t len);

/*
 * Halts until the device interrupts, if no byte was read or written since the previous
 * call. At level 3 it returns at once: the ports are polled.
 */
void ports_wait(void);

/* The device has all bytes. */
bool port_is_flushed(struct port *p);

#endif
