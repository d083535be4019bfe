/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libdevice-kinds: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef DEVICE_KINDS_VERSION_H
#define DEVICE_KINDS_VERSION_H

#include <device-kinds/attributes.h>

/* The version of these headers, for #if DEVKIND_VERSION_AT_LEAST(0, 2, 0). */
#define DEVKIND_VERSION_MAJOR 0
#define DEVKIND_VERSION_MINOR 1
#define DEVKIND_VERSION_PATCH 0
#define DEVKIND_VERSION_AT_LEAST(major, minor, patch) \
	(DEVKIND_VERSION_MAJOR > (major) || \
	 (DEVKIND_VERSION_MAJOR == (major) && \
	  (DEVKIND_VERSION_MINOR > (minor) || \
	   (DEVKIND_VERSION_MINOR == (minor) && DEVKIND_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
DEVKIND_API const char *devkind_version(void);

VSU_END_DECLS

#endif
