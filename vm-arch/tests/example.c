/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The program of libvm-arch(3). */
#include <stdio.h>
#include <vm-arch/bus.h>
#include <vm-arch/layout.h>
#include <vm-arch/serial.h>
#include <vmm-sys-util/exit.h>

static void on_output(void *opaque, unsigned char byte)
{
	(void)opaque;
	putchar(byte);
}

int main(int argc, char **argv)
{
	struct varch_serial port = { .output = on_output };
	const struct varch_range range = { VARCH_SERIAL_AT, VARCH_SERIAL_LEN, "port", varch_serial_access, &port };
	struct varch_bus bus = { .n = 0 };
	struct varch_access access;
	const char *text;

	if (argc != 2) {
		fprintf(stderr, "example TEXT\n");
		return VSU_EXIT_USAGE;
	}
	varch_serial_init(&port);
	if (varch_bus_add(&bus, &range, NULL) < 0)
		return VSU_EXIT_FAIL;
	/* as a guest writes it, to the first register */
	for (text = argv[1]; *text; text++) {
		access = (struct varch_access){ .value = (unsigned char)*text, .len = 1, .write = true };
		varch_bus_access(&bus, VARCH_SERIAL_AT, &access);
	}
	putchar('\n');
	return VSU_EXIT_OK;
}
