/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The serial port, for monitors that make their machine themselves. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vm-arch/uart.h>
#include <vmm-sys-util/sized.h>

#include <vm-arch/serial.h>

struct varch_serial {
	struct varch_uart port;
};

int varch_serial_new(const struct varch_serial_config *config, struct varch_serial **out,
		    struct vsu_error *err)
{
	struct varch_serial_config c;
	struct varch_serial *s;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct varch_serial_config", err);

	if (rc < 0)
		return rc;
	if (!c.output)
		return vsu_error_set(err, -EINVAL, "serial port: config->output is NULL; bytes of the guest need a function");
	s = calloc(1, sizeof(*s));
	if (!s)
		return vsu_error_sys(err, -ENOMEM, "serial port");
	s->port = (struct varch_uart){
		.output = c.output, .interrupt = c.interrupt, .opaque = c.opaque,
	};
	varch_uart_init(&s->port);
	*out = s;
	return 0;
}

void varch_serial_free(struct varch_serial *s)
{
	free(s);
}

uint8_t varch_serial_read(struct varch_serial *s, uint32_t offset)
{
	struct varch_access access = { .offset = offset, .len = 1, .value = UINT8_MAX };

	if (offset < VARCH_SERIAL_PORTS)
		varch_uart_access(&s->port, &access);
	return (uint8_t)access.value;
}

void varch_serial_write(struct varch_serial *s, uint32_t offset, uint8_t value)
{
	struct varch_access access = { .offset = offset, .len = 1, .write = true, .value = value };

	if (offset < VARCH_SERIAL_PORTS)
		varch_uart_access(&s->port, &access);
}

size_t varch_serial_input(struct varch_serial *s, const unsigned char *bytes, size_t n)
{
	return varch_uart_input(&s->port, bytes, n);
}
