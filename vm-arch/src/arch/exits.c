/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An exit that ends the machine. */
#include <config.h>

#include <stdarg.h>

#include <vm-arch/exits.h>

#include "arch/exit_rows.h"

enum varch_cpu_next varch_exit_end(const struct varch_exiting *x, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsu_error_setv(&x->verdict->why, 0, fmt, ap);
	va_end(ap);
	vsu_error_prefix(&x->verdict->why, 0, "CPU %u", x->cpu);
	x->verdict->status = status;
	return VARCH_CPU_END;
}
