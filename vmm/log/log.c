/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Formats lines for the owner of a machine. */
#include <config.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "log/log.h"

#define MAX_LINE 1024

void vmm_log(const struct vmm_log *log, enum cvmm_log_level level, const char *cause,
	     const char *fmt, ...)
{
	char text[MAX_LINE];
	va_list ap;

	if (!log || !log->line)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log->line(log->opaque, level, cause, text);
}
