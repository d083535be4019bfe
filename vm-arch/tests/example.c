/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The program of libvm-arch(3). */
#include <stdio.h>
#include <string.h>
#include <vm-arch/serial.h>
#include <vmm-sys-util/exit.h>

static void on_output(void *opaque, unsigned char byte)
{
	(void)opaque;
	putchar(byte);
}

int main(int argc, char **argv)
{
	const struct varch_serial_config config = { .size = sizeof(config), .output = on_output };
	struct vsu_error err = VSU_ERROR_INIT;
	struct varch_serial *port;
	const char *text;

	if (argc != 2) {
		fprintf(stderr, "example TEXT\n");
		return VSU_EXIT_USAGE;
	}
	if (varch_serial_new(&config, &port, &err) < 0) {
		fprintf(stderr, "example: %s\n", err.msg);
		return VSU_EXIT_FAIL;
	}
	/* as a guest writes it, to the first register */
	for (text = argv[1]; *text; text++)
		varch_serial_write(port, 0, (uint8_t)*text);
	putchar('\n');
	varch_serial_free(port);
	return VSU_EXIT_OK;
}
