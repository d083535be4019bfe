/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Warnings about a device. */
#include <config.h>

#include <stdarg.h>
#include <stdio.h>

#include "warn.h"

#define MAX_WARNING 1024

void devkind_priv_warn(const struct devkind_host *host, const char *cause, const char *fmt, ...)
{
	char text[MAX_WARNING];
	va_list ap;

	if (!host || !host->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	host->warn(host->opaque, cause, text);
}
