/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A consumer outside the tree: a byte through a serial port. */
#include <stdio.h>
#include <string.h>
#include <vm-arch/serial.h>
#include <vm-arch/version.h>

static unsigned char sent;

static void on_output(void *opaque, unsigned char byte)
{
	(void)opaque;
	sent = byte;
}

int main(void)
{
	struct varch_access access;
	struct varch_serial port;

	memset(&port, 0, sizeof(port));
	memset(&access, 0, sizeof(access));
	port.output = on_output;
	varch_serial_init(&port);
	access.value = 'x';
	access.len = 1;
	access.write = true;
	varch_serial_access(&port, &access);
	printf("%s\n", varch_version());
	return sent != 'x';
}
