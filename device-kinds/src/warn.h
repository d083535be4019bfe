/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Warnings about a device. */
#ifndef DEVICE_KINDS_WARN_H
#define DEVICE_KINDS_WARN_H

#include <device-kinds/kind.h>

/* A line for the operator. host may be NULL. */
void devkind_priv_warn(const struct devkind_host *host, const char *cause, const char *fmt, ...)
	VSU_PRINTF(3, 4);

#endif
