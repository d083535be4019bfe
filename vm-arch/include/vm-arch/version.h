/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvm-arch: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VM_ARCH_VERSION_H
#define VM_ARCH_VERSION_H

#include <vm-arch/attributes.h>

/* The version of these headers, for #if VARCH_VERSION_AT_LEAST(0, 2, 0). */
#define VARCH_VERSION_MAJOR 0
#define VARCH_VERSION_MINOR 1
#define VARCH_VERSION_PATCH 0
#define VARCH_VERSION_AT_LEAST(major, minor, patch) \
	(VARCH_VERSION_MAJOR > (major) || \
	 (VARCH_VERSION_MAJOR == (major) && \
	  (VARCH_VERSION_MINOR > (minor) || \
	   (VARCH_VERSION_MINOR == (minor) && VARCH_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VARCH_API const char *varch_version(void);

VSU_END_DECLS

#endif
