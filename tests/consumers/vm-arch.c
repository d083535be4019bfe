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
	struct varch_serial_config config;
	struct varch_serial *port;

	memset(&config, 0, sizeof(config));
	config.size = sizeof(config);
	config.output = on_output;
	if (varch_serial_new(&config, &port, NULL) < 0)
		return 1;
	varch_serial_write(port, 0, 'x');
	varch_serial_free(port);
	printf("%s\n", varch_version());
	return sent != 'x';
}
